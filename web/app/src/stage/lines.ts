import type { Line } from "./port";
import type { Person } from "./people";

/** Readings in a row that must agree before a mark comes or goes: one bad moment is not a bad line. */
const AGREE = 2;

/** Turns readings of the lines into marks that stand still. */
export class LineMarks {
  #marks: ReadonlyMap<string, Line> = new Map();
  #past: ReadonlyMap<string, Line>[] = [];

  /** Gives the lines to be marked, by participant; the same object as before when nothing changed. */
  see(reading: ReadonlyMap<string, Line>): ReadonlyMap<string, Line> {
    this.#past = [...this.#past, reading].slice(-AGREE);
    const next = new Map<string, Line>();
    for (const id of reading.keys()) {
      const seen = this.#past.map((one) => one.get(id) ?? "good");
      const bad = seen.filter((line) => line !== "good");
      const before = this.#marks.get(id);
      if (bad.length === AGREE) next.set(id, bad.includes("poor") ? "poor" : "down");
      else if (before && bad.length > 0) next.set(id, before);
    }
    const same = next.size === this.#marks.size && [...next].every(([id, line]) => this.#marks.get(id) === line);
    return same ? this.#marks : (this.#marks = next);
  }
}

/** What a tile says of a line: in a word, and with what it means and what to do. */
export interface LineSaid {
  line: Line;
  short: string;
  long: string;
}

const HELP = "Move closer to your router, use a cable, or close what else uses the network.";
const THEIR_HELP = "They can move closer to their router, use a cable, or turn their camera off.";

/**
 * Says whose line is bad, as far as this tab can know it: when everybody else comes badly, or what goes out does, it is
 * one's own; when only one of several does, it is theirs.
 */
export function lineSaid(person: Person, people: readonly Person[], marks: ReadonlyMap<string, Line>): LineSaid | undefined {
  const line = marks.get(person.id);
  if (!line || (!person.local && person.receiving !== "on")) return undefined;
  const down = line === "down";
  if (person.local)
    return {
      line,
      short: down ? "Your connection is down" : "Your connection is poor",
      long: down
        ? `Nothing of you gets through to the others now. ${HELP}`
        : `Your connection is poor: others see and hear you badly. ${HELP} Without your camera your voice gets through better.`,
    };
  const others = people.filter((p) => !p.local && p.receiving === "on");
  const mine = people.some((p) => p.local && marks.has(p.id)) || (others.length > 1 && others.every((p) => marks.has(p.id)));
  const what = down ? `Nothing comes from ${person.name} now.` : `${person.name} comes through badly.`;
  const why = mine
    ? `Your connection is poor. ${HELP}`
    : others.length > 1
      ? `Others come through well, so it is their connection. ${THEIR_HELP}`
      : `It is your connection or theirs. ${HELP}`;
  return { line, short: down ? "Nothing comes through" : "Poor connection", long: `${what} ${why}` };
}
