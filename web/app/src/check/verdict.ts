import { type Row, type RowId, groups, ids, titles } from "./rows";

export type Rows = Readonly<Record<RowId, Row>>;

export interface Overall {
  verdict: "good" | "warn" | "bad";
  title: string;
  text: string;
}

const ways: readonly RowId[] = ["udp", "tcp", "relay-udp", "relay-tls"];
/** Without any of these there is no stage. */
const needed: readonly RowId[] = ["webrtc", "h264", "https", "socket"];

export function finished(rows: Rows): boolean {
  return ids.every((id) => rows[id].verdict !== "waiting" && rows[id].verdict !== "running");
}

/** What all of it means for somebody about to join. */
export function overall(rows: Rows): Overall {
  const is = (verdict: Row["verdict"]) => (id: RowId) => rows[id].verdict === verdict;
  if (needed.some(is("bad")))
    return { verdict: "bad", title: "You cannot join like this yet", text: "Something that a stage needs does not work." };
  if (!ways.some(is("good"))) {
    return ways.every((id) => rows[id].verdict === "skip")
      ? { verdict: "warn", title: "Not everything could be tried", text: "Try again in a minute." }
      : {
          verdict: "bad",
          title: "You cannot join from this network",
          text: "No way for picture and sound is open. Try another one, such as your phone’s hotspot.",
        };
  }
  const mute = (id: RowId) => rows[id].verdict === "bad" || rows[id].verdict === "note";
  if (mute("camera") && mute("microphone"))
    return {
      verdict: "bad",
      title: "Nobody would see or hear you",
      text: "The way is open, but camera and microphone are not.",
    };
  const flaws = ids.filter((id) => rows[id].verdict === "bad" || rows[id].verdict === "warn");
  if (flaws.length > 0)
    return {
      verdict: "warn",
      title: "You can join",
      text: flaws.length === 1 ? "One thing could be better:" : `${flaws.length} things could be better:`,
    };
  return { verdict: "good", title: "You are ready", text: "Everything works. See you on stage." };
}

/** The rows that something can be done about, the worst first. */
export function flaws(rows: Rows): RowId[] {
  return (["bad", "warn"] as const).flatMap((verdict) => ids.filter((id) => rows[id].verdict === verdict));
}

const marks: Readonly<Record<Row["verdict"], string>> = {
  good: "ok  ",
  note: "note",
  warn: "warn",
  bad: "BAD ",
  skip: "–   ",
  waiting: "…   ",
  running: "…   ",
};

/** What a guest may send to their host: what was found, and nothing of who or where they are. */
export function report(rows: Rows, browser: string, at: Date): string {
  const { title } = overall(rows);
  const lines = [
    `StreamCat check, ${at.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `Result: ${title}`,
    `Browser: ${browser}`,
  ];
  for (const group of groups) {
    lines.push("", group.title);
    for (const id of group.rows) lines.push(`  ${marks[rows[id].verdict]} ${titles[id]}: ${rows[id].fact}`);
  }
  return `${lines.join("\n")}\n`;
}
