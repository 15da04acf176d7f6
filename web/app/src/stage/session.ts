import { Backoff } from "../api/backoff";
import { ApiError } from "../api/client";
import type { StageToken } from "../api/types";
import type { Person } from "./people";
import type { Gone, Line, OpenStage, Outgoing, PortEvents, PortPerson, PortTrouble, Sending, StagePort } from "./port";

export type StageState =
  | { name: "idle" }
  | { name: "joining"; trouble?: string }
  | { name: "on" }
  /** Was on; comes back by itself. */
  | { name: "back"; trouble?: string }
  /** Over for good. */
  | { name: "gone"; why: Exclude<Gone, "left" | "unknown"> }
  /** Did not work and will not by itself. */
  | { name: "failed"; code: string; message: string };

export interface StageView {
  state: StageState;
  /** One's own participant id, once there is a seat. */
  me: string | undefined;
  people: readonly Person[];
  sending: Sending;
  sendingTrouble: PortTrouble | undefined;
}

export interface SessionOptions {
  /**
   * Fetches a seat; the server gives the same one until it is used up. `refused` names the participant whose
   * token the stage did not take (any more), so that another is made.
   */
  seat: (signal: AbortSignal, refused: string) => Promise<StageToken>;
  open: OpenStage;
  /**
   * The same person may sit here more than once, as with two tabs that watch: when another takes the seat,
   * a further one is asked for.
   */
  shared?: boolean;
  random?: () => number;
}

/** What is said while it is tried again. */
const words: Readonly<Record<string, string>> = {
  STAGE_AT_CAPACITY: "The stage is full. A place may become free; this page keeps asking.",
  TIMEOUT: "The stage did not answer. This page tries again.",
  TOKEN_NOT_ALLOWED: "The stage did not take this seat. This page asks for another.",
};
/** The fault is the token's: the seat needs another. */
const spoiling = new Set(["TOKEN_EXPIRED", "TOKEN_MALFORMED", "TOKEN_NOT_ALLOWED"]);

/** A connection that lasted this long was a good one: the pauses start small again. */
const GOOD_AFTER = 5_000;

/**
 * One person's seat on one stage, kept: it fetches a token, joins, follows who is there, and begins again with a
 * new token whenever the library beneath gives up for a reason that may pass. It ends for good only when left,
 * when the person is removed, when another tab takes the seat, or when the stage is gone.
 */
export class StageSession {
  readonly #options: SessionOptions;
  readonly #listeners = new Set<() => void>();
  readonly #backoff: Backoff;
  readonly #people = new Map<string, Person>();
  #outgoing: Outgoing = { audioMuted: false, videoStopped: false };
  #port: StagePort | undefined;
  #round = 0;
  #asking: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #good: ReturnType<typeof setTimeout> | undefined;
  /** The participant whose token is of no use any more; asked for once, another is made instead. */
  #spoilt = "";
  #places = 0;
  #wasOn = false;
  #state: StageState = { name: "idle" };
  #me: string | undefined;
  #sending: Sending = "off";
  #sendingTrouble: PortTrouble | undefined;
  #view: StageView = this.#look();
  #told: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#backoff = new Backoff(500, 10_000, options.random);
  }

  subscribe = (told: () => void): (() => void) => {
    this.#listeners.add(told);
    return () => this.#listeners.delete(told);
  };

  view = (): StageView => this.#view;

  /** Begins, or begins again after it ended. */
  join(): void {
    this.#end();
    this.#wasOn = false;
    this.#backoff.reset();
    addEventListener("online", this.#hurry);
    this.#be({ name: "joining" });
    void this.#begin();
  }

  leave(): void {
    this.#end();
    this.#be({ name: "idle" });
  }

  /** What others get of oneself from now on. */
  send(outgoing: Outgoing): void {
    this.#outgoing = outgoing;
    this.#port?.send(outgoing);
    const mine = this.#me === undefined ? undefined : this.#people.get(this.#me);
    if (mine) this.#mine(mine);
  }

  /** Tries again what did not reach the stage, or was not received from it. */
  again(): void {
    this.#port?.again();
  }

  stats(): Promise<RTCStatsReport[]> {
    return this.#port?.stats() ?? Promise.resolve([]);
  }

  /** How well everybody comes through; see StagePort. */
  lines(): Promise<ReadonlyMap<string, Line>> {
    return this.#port?.lines() ?? Promise.resolve(new Map());
  }

  async #begin(): Promise<void> {
    const round = ++this.#round;
    const asking = new AbortController();
    this.#asking = asking;
    const mine = () => round === this.#round;
    let port: StagePort | undefined;
    try {
      const seat = await this.#options.seat(asking.signal, this.#spoilt);
      if (!mine()) return;
      if (seat.participantId !== this.#spoilt) this.#spoilt = "";
      this.#me = seat.participantId;
      this.#changed();
      port = await this.#options.open(seat.token, this.#events(mine));
      if (!mine()) {
        port.leave();
        return;
      }
      this.#port = port;
      port.send(this.#outgoing);
      await port.join();
    } catch (cause) {
      if (mine()) this.#refused(cause);
      else port?.leave();
    }
  }

  #events(mine: () => boolean): PortEvents {
    const when =
      <A extends unknown[]>(act: (...args: A) => void) =>
      (...args: A) => {
        if (mine()) act(...args);
      };
    return {
      onConnection: when((state) => {
        if (state === "connected") this.#arrived();
        else if (state === "lost" || this.#wasOn) this.#be(this.#wasOn ? { name: "back" } : { name: "joining" });
      }),
      onPerson: when((person) => this.#person(person)),
      onLeft: when((id) => {
        if (this.#people.delete(id)) this.#changed();
      }),
      onTracks: when((id, tracks) => this.#tracks(id, tracks)),
      onReceiving: when((id, receiving) => this.#patch(id, { receiving })),
      onSending: when((state, trouble) => {
        // A token that ran out is not tried again: another one is fetched.
        if (state === "failed" && trouble?.code === "TOKEN_EXPIRED") {
          this.#spoilt = this.#me ?? "";
          this.#again();
          return;
        }
        this.#sending = state;
        this.#sendingTrouble = state === "failed" ? (trouble ?? this.#sendingTrouble) : undefined;
        this.#changed();
      }),
      onGone: when((why, trouble) => this.#gone(why, trouble)),
    };
  }

  #arrived(): void {
    this.#wasOn = true;
    clearTimeout(this.#good);
    this.#good = setTimeout(() => this.#backoff.reset(), GOOD_AFTER);
    this.#be({ name: "on" });
  }

  #gone(why: Gone, trouble?: PortTrouble): void {
    if (why === "unknown") this.#refused(trouble);
    else if (why === "elsewhere" && this.#options.shared) {
      this.#spoilt = this.#me ?? "";
      this.#again();
    } else {
      if (why === "removed") this.#spoilt = this.#me ?? "";
      this.#end();
      this.#be(why === "left" ? { name: "idle" } : { name: "gone", why });
    }
  }

  #refused(cause: unknown): void {
    const answer = cause instanceof ApiError ? cause : undefined;
    const code = answer?.code ?? (cause as Partial<PortTrouble> | undefined)?.code ?? "FAILED";
    if (answer && !answer.passing && answer.status !== 429) this.#fail(code, answer.message);
    else if (code === "PARTICIPANT_DISCONNECTED") this.#gone("removed");
    else if (code === "STAGE_DELETED") this.#gone("deleted");
    else {
      if (!answer && spoiling.has(code)) this.#spoilt = this.#me ?? "";
      this.#again(
        answer?.message ?? words[code] ?? (this.#backoff.tries > 1 ? words["TIMEOUT"] : undefined),
        answer?.retryAfter,
      );
    }
  }

  #fail(code: string, message: string): void {
    this.#end();
    this.#be({ name: "failed", code, message });
  }

  /** Once more from the start, with a new seat, after a pause. */
  #again(trouble?: string, atLeast = 0): void {
    this.#drop();
    this.#be({ name: this.#wasOn ? "back" : "joining", ...(trouble ? { trouble } : {}) });
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        void this.#begin();
      },
      Math.max(this.#backoff.next(), atLeast),
    );
  }

  #hurry = (): void => {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#begin();
  };

  /** Lets go of what stands, whatever it is; who was there stays in view until the next list comes. */
  #drop(): void {
    this.#round += 1;
    this.#asking?.abort();
    this.#asking = undefined;
    clearTimeout(this.#retry);
    clearTimeout(this.#good);
    this.#retry = undefined;
    this.#port?.leave();
    this.#port = undefined;
    this.#sending = "off";
    this.#sendingTrouble = undefined;
    for (const person of this.#people.values()) this.#cut(person);
    this.#people.clear();
  }

  #end(): void {
    removeEventListener("online", this.#hurry);
    this.#drop();
  }

  #person(seen: PortPerson): void {
    const before = this.#people.get(seen.id);
    const local = seen.local || seen.id === this.#me;
    const role = seen.attributes["role"];
    const next: Person = {
      id: seen.id,
      userId: seen.userId,
      name: seen.attributes["username"] || seen.userId || "Somebody",
      host: seen.publisher && role !== "guest" && role !== "viewer",
      local,
      publisher: seen.publisher,
      publishing: seen.publishing,
      audioMuted: seen.audioMuted,
      videoStopped: seen.videoStopped,
      hasAudio: before?.hasAudio ?? false,
      hasVideo: before?.hasVideo ?? false,
      stream: before?.stream,
      receiving: before?.receiving ?? "none",
      place: before?.place ?? this.#places++,
    };
    if (local) this.#mine(next);
    else {
      this.#people.set(seen.id, next);
      this.#changed();
    }
  }

  /** Oneself, as one is about to be seen: what the own tab does is true here before the stage says it. */
  #mine(person: Person): void {
    const { audio, video, audioMuted, videoStopped } = this.#outgoing;
    const stream = fill(
      person.stream,
      [audio, video].filter((t) => t !== undefined),
    );
    this.#people.set(person.id, {
      ...person,
      stream,
      audioMuted,
      videoStopped,
      hasAudio: audio !== undefined,
      hasVideo: video !== undefined,
    });
    this.#changed();
  }

  #tracks(id: string, tracks: readonly MediaStreamTrack[]): void {
    const person = this.#people.get(id);
    if (!person || person.local) return;
    const stream = fill(person.stream, tracks);
    const has = (kind: string) => tracks.some((t) => t.kind === kind);
    this.#patch(id, { stream, hasAudio: has("audio"), hasVideo: has("video") });
  }

  #patch(id: string, change: Partial<Person>): void {
    const person = this.#people.get(id);
    if (!person) return;
    this.#people.set(id, { ...person, ...change });
    this.#changed();
  }

  #cut(person: Person): void {
    for (const track of person.stream?.getTracks() ?? []) person.stream?.removeTrack(track);
  }

  #be(state: StageState): void {
    this.#state = state;
    this.#changed();
  }

  /** Tells the page, once for all that changes in one go. */
  #changed(): void {
    this.#told ??= Promise.resolve().then(() => {
      this.#told = undefined;
      this.#view = this.#look();
      for (const told of this.#listeners) told();
    });
  }

  #look(): StageView {
    return {
      state: this.#state,
      me: this.#me,
      people: [...this.#people.values()],
      sending: this.#sending,
      sendingTrouble: this.#sendingTrouble,
    };
  }
}

/** The same stream with exactly these tracks: a picture that goes on is not put in anew. */
function fill(stream: MediaStream | undefined, tracks: readonly MediaStreamTrack[]): MediaStream {
  const held = stream ?? new MediaStream();
  for (const track of held.getTracks()) if (!tracks.includes(track)) held.removeTrack(track);
  for (const track of tracks) if (!held.getTracks().includes(track)) held.addTrack(track);
  return held;
}
