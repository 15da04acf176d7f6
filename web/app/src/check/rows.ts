import type { DevicesView, Half } from "../devices/devices";
import type { Kind } from "../devices/choice";
import type { Support } from "./browser";
import type { Line } from "./line";
import type { Way } from "./probe";
import type { Video } from "./web";

/**
 * waiting and running come first, then: good · note: not so, and no harm · warn: works, not as it could · bad: in the
 * way · skip: not tried.
 */
export type Verdict = "waiting" | "running" | "good" | "note" | "warn" | "bad" | "skip";

export const ids = [
  "webrtc",
  "h264",
  "camera",
  "microphone",
  "https",
  "socket",
  "video",
  "udp",
  "tcp",
  "relay-udp",
  "relay-tls",
  "rtt",
  "loss",
  "bitrate",
] as const;
export type RowId = (typeof ids)[number];

/** What one test found. */
export interface Row {
  verdict: Verdict;
  /** A plain sentence. */
  says: string;
  /** What to do about it; empty when there is nothing to do. */
  todo: string;
  /** The same in a few words for the report, without names and addresses. */
  fact: string;
}

export const titles: Readonly<Record<RowId, string>> = {
  webrtc: "Live connections (WebRTC)",
  h264: "Pictures that everybody can see (H.264)",
  camera: "Camera",
  microphone: "Microphone",
  https: "The server answers (HTTPS)",
  socket: "Live updates (WebSocket)",
  video: "Watching a channel (LL-HLS)",
  udp: "Direct, by UDP",
  tcp: "Direct, by TCP",
  "relay-udp": "By the relay, UDP",
  "relay-tls": "By the relay, TLS",
  rtt: "Answer time",
  loss: "Losses",
  bitrate: "Room for your picture",
};

export const groups: readonly { title: string; rows: readonly RowId[] }[] = [
  { title: "Your browser", rows: ["webrtc", "h264"] },
  { title: "Your camera and microphone", rows: ["camera", "microphone"] },
  { title: "The way to the server", rows: ["https", "socket", "video"] },
  { title: "The ways for picture and sound", rows: ["udp", "tcp", "relay-udp", "relay-tls"] },
  { title: "Your line", rows: ["rtt", "loss", "bitrate"] },
];

const row = (verdict: Verdict, says: string, fact: string, todo = ""): Row => ({ verdict, says, todo, fact });

export const waiting: Row = row("waiting", "", "not tried");
export const running = (says: string): Row => row("running", says, "not finished");
export const skipped = (says: string): Row => row("skip", says, "not tried");

const elsewhere = "Use a current Chrome, Edge, Firefox or Safari, outside of other apps.";

export function supportRows({ webrtc, h264 }: Support): Pick<Record<RowId, Row>, "webrtc" | "h264"> {
  return {
    webrtc: webrtc ? row("good", "Your browser has them.", "yes") : row("bad", "Your browser lacks them.", "no", elsewhere),
    h264: h264
      ? row("good", "Your browser can send them.", "yes")
      : webrtc
        ? row(
            "bad",
            "Your browser cannot send them.",
            "no",
            `${elsewhere} Firefox needs a moment after its first start to fetch what it is missing.`,
          )
        : skipped("Not tried without live connections."),
  };
}

const ms = (n: number) => `${Math.max(1, Math.round(n))} ms`;

/** `heard`: there was sound since the check began. */
export function deviceRow(kind: Kind, view: DevicesView, heard: boolean): Row {
  const half: Half = view[kind];
  const { track, trouble, off } = half;
  if (off) return row("note", `You switched your ${kind} off.`, "switched off");
  if (trouble) return row("bad", `${trouble.title}.`, trouble.code, trouble.text);
  if (view.state !== "ready" || half.opening)
    return view.state === "idle" ? waiting : running("Waiting for your leave: the browser asks at the top of the window.");
  if (!track) return row("bad", `There is no ${kind}.`, "none", "Plug one in; this page notices by itself.");
  if (kind === "camera") {
    const { width, height, frameRate } = track.getSettings();
    const size = width && height ? `${width} × ${height}` : "";
    const rate = frameRate ? ` at ${Math.round(frameRate)} a second` : "";
    return row(
      "good",
      size ? `It gives pictures of ${size}${rate}.` : "It gives pictures.",
      size ? `works, ${size}${rate}` : "works",
    );
  }
  return heard
    ? row("good", "It hears you.", "works, sound heard")
    : row(
        "warn",
        "It is on, but there was no sound yet.",
        "works, silent so far",
        "Say something. If the bars do not move, choose another microphone, or look for a switch on it or on its cable.",
      );
}

export function serverRow(took: number | undefined): Row {
  return took === undefined
    ? row(
        "bad",
        "The server does not answer now.",
        "no answer",
        "Check that you are online. Where you have to sign in to a network first (hotel, train), do that in another tab.",
      )
    : row("good", `It answers in ${ms(took)}.`, ms(took));
}

export function socketRow(took: number | undefined): Row {
  return took === undefined
    ? row(
        "bad",
        "None could be opened: something between you and the server lets pages through, but no lasting connections.",
        "blocked",
        "Switch off a VPN or web filter if you have one, or use another network, such as your phone’s hotspot.",
      )
    : row("good", `It opens in ${ms(took)}.`, ms(took));
}

export function videoRow(video: Video | undefined): Row {
  if (!video) return skipped("Not tried: no channel is live right now.");
  if (video.state === "off") return skipped("Not tried: the channel went off air.");
  if (video.state === "failed")
    return row(
      "warn",
      "The video of a live channel did not come. You can still go on stage.",
      "failed",
      "A web filter or a company’s proxy may hold video back. Use another network to watch.",
    );
  return row("good", "The video of a live channel comes, and new parts as they are made.", "works");
}

export interface WayFound {
  state: "open" | "closed" | "absent" | "busy" | "refused";
  took?: number;
  port?: number | undefined;
}

export type WaysFound = Partial<Record<Way, WayFound>>;

const wayNames: Readonly<Record<Way, string>> = {
  udp: "UDP",
  tcp: "TCP",
  "relay-udp": "the relay",
  "relay-tcp": "the relay by TCP",
  "relay-tls": "the relay by TLS",
};

/** The best way that is open, in the order of how well they carry pictures. */
export function bestWay(found: WaysFound): Way | undefined {
  return (["udp", "relay-udp", "tcp", "relay-tls", "relay-tcp"] as const).find((way) => found[way]?.state === "open");
}

export function wayLabel(way: Way): string {
  return wayNames[way];
}

const hotspot = "Another network may do better, such as your phone’s hotspot; so may going without a VPN.";

/** What one way means depends on the others: a closed one does no harm where a better one is open. */
export function wayRow(way: Way, found: WaysFound): Row {
  const one = found[way];
  if (!one) return waiting;
  const port = one.port === undefined ? "" : `, port ${one.port}`;
  switch (one.state) {
    case "open":
      return row("good", `Open${one.took === undefined ? "" : `, in ${ms(one.took)}`}.`, `open${port}`);
    case "absent":
      return row("skip", "This server has no such way.", "not offered");
    case "busy":
      return row(
        "skip",
        "Not tried: too many people check their connection right now. Try again in a minute.",
        "not tried, busy",
      );
    case "refused":
      return row(
        "bad",
        "The server’s door for picture and sound did not answer as it should.",
        "refused",
        "Try again in a moment.",
      );
  }
  const best = bestWay(found);
  const ask = `ask whoever runs your network to let out ${way === "udp" || way === "relay-udp" ? "UDP" : "TCP"} to ${location.hostname}${port}`;
  if (!best) return row("bad", "Blocked.", `blocked${port}`, `${hotspot} Or ${ask}.`);
  if (way === "udp")
    return row(
      "warn",
      `Blocked. Picture and sound will come by ${wayLabel(best)} instead, with more delay when the line is poor.`,
      `blocked${port}`,
      `You can join like this. ${hotspot} Or ${ask}.`,
    );
  return row("note", `Blocked, which does no harm: they come by ${wayLabel(best)}.`, `blocked${port}`);
}

const graded = (value: number, warn: number, bad: number): Verdict => (value >= bad ? "bad" : value >= warn ? "warn" : "good");

const nearer = "Move closer to your Wi-Fi or use a cable, and stop downloads and other video on your network.";

export function lineRows(line: Line): Pick<Record<RowId, Row>, "rtt" | "loss" | "bitrate"> {
  const { rtt, loss, sent, room } = line;
  const carries = Math.max(sent, room ?? 0);
  const mbits = `${(carries / 1e6).toFixed(1)} Mbit/s`;
  const size = carries >= 1_500_000 ? "good" : carries >= 500_000 ? "warn" : "bad";
  return {
    rtt:
      rtt === undefined
        ? skipped("Your browser does not tell.")
        : row(
            graded(rtt, 200, 500),
            rtt >= 200 ? `${ms(rtt)} there and back: talking takes some patience.` : `${ms(rtt)} there and back.`,
            ms(rtt),
            rtt >= 200 ? "A VPN is often the reason; go without it if you can." : "",
          ),
    loss:
      loss === undefined
        ? skipped("Your browser does not tell.")
        : row(
            graded(loss, 0.02, 0.08),
            loss < 0.001 ? "Nothing was lost." : `${(loss * 100).toFixed(1)} % was lost on the way.`,
            `${(loss * 100).toFixed(1)} %`,
            loss >= 0.02 ? nearer : "",
          ),
    bitrate: row(
      size,
      size === "good"
        ? `Your line carries ${mbits}: enough for a sharp picture.`
        : size === "warn"
          ? `Your line carries ${mbits}: your picture will be smaller at times.`
          : `Your line carries only ${mbits}: sound will do, your picture will stutter.`,
      mbits,
      size === "good" ? "" : size === "warn" ? nearer : `${nearer} With your camera off you will be heard well.`,
    ),
  };
}
