/** What a broadcast's WebRTC statistics say, in the numbers people know. */

/** Counters as they stand; two of them make a Health. */
export interface Reading {
  /** Milliseconds. */
  at: number;
  bytes: number;
  frames: number | undefined;
  /** The browser's own figure, where it does not count. */
  fps: number;
  packets: number;
  lost: number;
  roundTrip: number | undefined;
  limit: Health["limit"];
  height: number;
}

export interface Health {
  /** Video and sound together, kb/s. */
  kbps: number;
  fps: number;
  /** Milliseconds; undefined until the server has answered. */
  roundTrip: number | undefined;
  /** Percent of the packets sent; undefined until the server has counted. */
  loss: number | undefined;
  /** What keeps the picture from being better. */
  limit: "none" | "cpu" | "bandwidth" | "other";
  /** Lines of the picture as it is sent; 0 while unknown. */
  height: number;
}

/** The members of the statistics (W3C webrtc-stats) that are read here. */
interface Entry {
  type: string;
  kind?: string;
  timestamp: number;
  bytesSent?: number;
  packetsSent?: number;
  framesEncoded?: number;
  framesPerSecond?: number;
  frameHeight?: number;
  qualityLimitationReason?: Health["limit"];
  packetsLost?: number;
  roundTripTime?: number;
  currentRoundTripTime?: number;
  nominated?: boolean;
  state?: string;
}

/** Undefined while nothing is sent. */
export function read(report: { values(): Iterable<unknown> }): Reading | undefined {
  const out: Reading = {
    at: 0,
    bytes: 0,
    frames: undefined,
    fps: 0,
    packets: 0,
    lost: 0,
    roundTrip: undefined,
    limit: "none",
    height: 0,
  };
  let pairTrip: number | undefined;
  for (const entry of report.values() as Iterable<Entry>) {
    if (entry.type === "outbound-rtp") {
      out.at = entry.timestamp;
      out.bytes += entry.bytesSent ?? 0;
      out.packets += entry.packetsSent ?? 0;
      // Of a picture that goes out in several sizes, the largest that does counts.
      if (entry.kind === "video" && (out.fps === 0 || (entry.framesPerSecond && (entry.frameHeight ?? 0) > out.height))) {
        out.frames = entry.framesEncoded;
        out.fps = entry.framesPerSecond ?? 0;
        out.height = entry.frameHeight ?? 0;
        out.limit = entry.qualityLimitationReason ?? "none";
      }
    } else if (entry.type === "remote-inbound-rtp") {
      out.lost += Math.max(0, entry.packetsLost ?? 0);
      if (entry.roundTripTime !== undefined) out.roundTrip = Math.max(out.roundTrip ?? 0, entry.roundTripTime * 1000);
    } else if (entry.type === "candidate-pair" && entry.state === "succeeded" && entry.nominated !== false) {
      if (entry.currentRoundTripTime !== undefined) pairTrip = entry.currentRoundTripTime * 1000;
    }
  }
  out.roundTrip ??= pairTrip;
  return out.at > 0 ? out : undefined;
}

/** Undefined when the two are not of one connection. */
export function between(before: Reading, now: Reading): Health | undefined {
  const seconds = (now.at - before.at) / 1000;
  if (seconds < 0.2 || now.bytes < before.bytes || now.packets < before.packets) return undefined;
  const sent = now.packets - before.packets;
  const lost = Math.max(0, now.lost - before.lost);
  const other = before.height > 0 && now.height !== before.height; // another size counts its own frames
  return {
    kbps: ((now.bytes - before.bytes) * 8) / 1000 / seconds,
    fps:
      now.frames === undefined || before.frames === undefined || other
        ? now.fps
        : Math.max(0, now.frames - before.frames) / seconds,
    roundTrip: now.roundTrip,
    loss: now.roundTrip === undefined ? undefined : sent > 0 ? Math.min(100, (100 * lost) / sent) : 0,
    limit: now.limit,
    height: now.height,
  };
}

/** Readings in a row that must agree before anybody is told: one bad moment is none of their business. */
const SURE = 4;

/** One sentence on what to do, from the newest readings; empty when all is well. */
export function advice(history: readonly Health[], frameRate: number): string {
  const last = history.slice(-SURE);
  if (last.length < SURE) return "";
  const all = (bad: (h: Health) => boolean) => last.every(bad);
  if (all((h) => (h.loss ?? 0) > 3))
    return "Your connection loses part of what you send. A cable instead of Wi-Fi, or a place nearer to it, helps.";
  if (all((h) => h.limit === "cpu") || (all((h) => h.fps < frameRate * 0.6) && !all((h) => h.limit === "bandwidth")))
    return "This device is at its limit, so the picture is not smooth. Close other programs and tabs.";
  if (all((h) => h.limit === "bandwidth" && h.kbps < 1200))
    return "Your connection is at its limit, so the picture is coarser. Pause other uploads, or use a cable instead of Wi-Fi.";
  if (all((h) => (h.roundTrip ?? 0) > 500)) return "Your connection answers slowly. Viewers may see you a little later.";
  return "";
}
