/** What goes out, in the numbers people know. Undefined where the browser has not said. */
export interface Numbers {
  /** bit/s */
  bitrate: number | undefined;
  /** pictures per second */
  frames: number | undefined;
  /** milliseconds to the server and back */
  roundTrip: number | undefined;
  /** share of the packets that did not arrive, 0 to 1 */
  lost: number | undefined;
}

interface Counted {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  frames: number;
}

const number = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;

/** Makes rates of what the browser only counts. One for each way out; a new connection begins anew. */
export class Tally {
  #before: Counted | undefined;

  add(reports: readonly RTCStatsReport[], now: number): Numbers | undefined {
    const seen = new Set<string>();
    const sum: Counted = { at: now, bytes: 0, packets: 0, lost: 0, frames: 0 };
    let fps: number | undefined;
    let roundTrip: number | undefined;
    for (const report of reports) {
      report.forEach((entry: Record<string, unknown>) => {
        // Two senders of one connection tell the same entries.
        const id = `${String(entry["id"])}/${String(entry["type"])}`;
        if (entry["id"] !== undefined && seen.has(id)) return;
        seen.add(id);
        if (entry["type"] === "outbound-rtp") {
          sum.bytes += number(entry["bytesSent"]) ?? 0;
          sum.packets += number(entry["packetsSent"]) ?? 0;
          if (entry["kind"] === "video") {
            sum.frames += number(entry["framesEncoded"]) ?? 0;
            fps = number(entry["framesPerSecond"]) ?? fps;
          }
        } else if (entry["type"] === "remote-inbound-rtp") {
          sum.lost += number(entry["packetsLost"]) ?? 0;
          const trip = number(entry["roundTripTime"]);
          if (trip !== undefined) roundTrip = Math.max(roundTrip ?? 0, trip * 1000);
        }
      });
    }
    const before = this.#before;
    if (sum.packets === 0) {
      this.#before = undefined;
      return undefined;
    }
    this.#before = sum;
    const seconds = before ? (sum.at - before.at) / 1000 : 0;
    const fresh = !before || seconds <= 0 || sum.bytes < before.bytes;
    const sent = fresh ? 0 : sum.packets - before.packets;
    return {
      bitrate: fresh ? undefined : ((sum.bytes - before.bytes) * 8) / seconds,
      frames: fps ?? (fresh || sum.frames === 0 ? undefined : (sum.frames - before.frames) / seconds),
      roundTrip,
      lost: fresh || sent <= 0 ? undefined : Math.min(1, Math.max(0, (sum.lost - before.lost) / sent)),
    };
  }
}

/** From here on a number is worth a second look. */
export const worrying = {
  roundTrip: (ms: number) => ms > 250,
  lost: (share: number) => share > 0.02,
  frames: (fps: number) => fps < 15,
};

/** A line through the values for a picture of 88 × 22, the newest at the right. */
export function sparkline(values: readonly number[], most: number): string {
  if (values.length < 2) return "";
  const top = Math.max(most, ...values);
  const step = 88 / (LENGTH - 1);
  const left = 88 - (values.length - 1) * step;
  return values
    .map((v, i) => `${i === 0 ? "M" : "L"}${(left + i * step).toFixed(1)} ${(20 - (v / top) * 18).toFixed(1)}`)
    .join("");
}

/** How many values a sparkline holds. */
export const LENGTH = 30;
