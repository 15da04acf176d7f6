import type { Trial } from "./probe";
import { pause } from "./wait";

/** What a line did while a picture was sent over it. */
export interface Line {
  /** Round trip in milliseconds. */
  rtt: number | undefined;
  /** Of the packets sent, how many did not arrive: 0 to 1. */
  loss: number | undefined;
  /** What was sent, in bit/s, over the last seconds. */
  sent: number;
  /** What the browser thinks the line carries, in bit/s; not every browser tells. */
  room: number | undefined;
}

const SECONDS = 6;
/** What the beginning tells is not counted: the browser only feels its way up. */
const SETTLING = 2;

interface Sample {
  at: number;
  bytes: number;
  packets: number;
  lost: number | undefined;
  rtt: number | undefined;
  room: number | undefined;
}

/** Measures for some seconds; tells how it stands once a second. */
export async function measure(trial: Trial, onSecond: (line: Line, left: number) => void, signal: AbortSignal): Promise<Line> {
  const samples: Sample[] = [read(await trial.stats())];
  let line = judge(samples);
  for (let second = 1; second <= SECONDS; second++) {
    await pause(1000, signal);
    samples.push(read(await trial.stats()));
    line = judge(samples.slice(Math.min(SETTLING, second - 1)));
    onSecond(line, SECONDS - second);
  }
  return line;
}

type Entry = Record<string, unknown> & { type: string };

/** The numbers of a report (W3C WebRTC statistics) that matter here. */
export function read(report: RTCStatsReport): Sample {
  const all = [...(report as unknown as Map<string, Entry>).values()];
  const number = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : undefined);
  const sum = (entries: Entry[], name: string) => entries.reduce((n, e) => n + (number(e[name]) ?? 0), 0);
  const sent = all.filter((e) => e.type === "outbound-rtp");
  const heard = all.filter((e) => e.type === "remote-inbound-rtp");
  const transport = all.find((e) => e.type === "transport");
  const pair =
    all.find((e) => e.type === "candidate-pair" && e["id"] === transport?.["selectedCandidatePairId"]) ??
    all.find((e) => e.type === "candidate-pair" && (e["selected"] === true || e["nominated"] === true));
  const rtt = number(pair?.["currentRoundTripTime"]) ?? number(heard.find((e) => e["kind"] === "video")?.["roundTripTime"]);
  return {
    at: number(sent[0]?.["timestamp"]) ?? performance.now(),
    bytes: sum(sent, "bytesSent") + sum(sent, "headerBytesSent"),
    packets: sum(sent, "packetsSent"),
    lost: heard.length > 0 ? sum(heard, "packetsLost") : undefined,
    rtt: rtt === undefined ? undefined : rtt * 1000,
    room: number(pair?.["availableOutgoingBitrate"]),
  };
}

export function judge(samples: readonly Sample[]): Line {
  const first = samples[0]!;
  const last = samples.at(-1)!;
  const seconds = (last.at - first.at) / 1000;
  const packets = last.packets - first.packets;
  const trips = samples.map((s) => s.rtt).filter((rtt) => rtt !== undefined);
  const lost = last.lost === undefined ? undefined : Math.max(0, last.lost - (first.lost ?? 0));
  return {
    rtt: trips.length > 0 ? trips.toSorted((a, b) => a - b)[Math.floor(trips.length / 2)] : undefined,
    loss: lost === undefined || packets <= 0 ? undefined : Math.min(1, lost / packets),
    sent: seconds > 0 ? ((last.bytes - first.bytes) * 8) / seconds : 0,
    room: last.room,
  };
}
