import { readToken } from "@streamcat/client/token";
import { ApiError } from "../api/client";
import { api } from "../api/endpoints";
import { support } from "./browser";
import { measure } from "./line";
import { paintedStream } from "./painted";
import { type Door, ProbeError, Prober, type Trial, type Way } from "./probe";
import {
  type Row,
  type RowId,
  type WaysFound,
  bestWay,
  ids,
  lineRows,
  running,
  serverRow,
  skipped,
  socketRow,
  supportRows,
  videoRow,
  waiting,
  wayLabel,
  wayRow,
} from "./rows";
import { askServer, fetchVideo, openSocket } from "./web";

/** Camera and microphone are looked after by the page. */
type Own = Exclude<RowId, "camera" | "microphone">;

export interface CheckView {
  state: "idle" | "running" | "done";
  rows: Readonly<Record<Own, Row>>;
}

interface Seat extends Door {
  events: string;
  ends: number;
}

const blank = () =>
  Object.fromEntries(ids.filter((id) => id !== "camera" && id !== "microphone").map((id) => [id, waiting])) as Record<Own, Row>;

/** What is left of a token's time when it is still worth using, in milliseconds. */
const ENOUGH = 20_000;

/** One run of all tests after the other, told as they go on. It may be begun again. */
export class Checkup {
  readonly #channel: string | undefined;
  readonly #told = new Set<() => void>();
  #view: CheckView = { state: "idle", rows: blank() };
  #run: AbortController | undefined;
  #prober = new Prober();
  #seat: Seat | undefined;
  #found: WaysFound = {};

  /** `channel`: whose stage it is about; the video of another live channel is looked at where it is off air. */
  constructor(channel?: string) {
    this.#channel = channel;
  }

  subscribe = (told: () => void): (() => void) => {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  };
  view = (): CheckView => this.#view;

  /** `picture` gives what the person's devices give, as soon as that is settled: without a picture a painted one is sent. */
  async start(picture: Promise<MediaStream>): Promise<void> {
    this.stop();
    const run = new AbortController();
    this.#run = run;
    const { signal } = run;
    this.#prober = new Prober();
    this.#seat = undefined;
    this.#found = {};
    this.#change({ state: "running", rows: { ...blank(), ...supportRows(support()) } });
    try {
      await this.#all(picture, signal);
      if (!signal.aborted) this.#change({ state: "done" });
    } catch (cause) {
      if (!signal.aborted) throw cause;
    }
  }

  stop(): void {
    this.#run?.abort(new DOMException("the check was stopped", "AbortError"));
  }

  /** Stops, and is as before the first start. */
  reset(): void {
    this.stop();
    this.#change({ state: "idle", rows: blank() });
  }

  async #all(picture: Promise<MediaStream>, signal: AbortSignal): Promise<void> {
    this.#row("https", running("Asking"));
    const took = await askServer(signal);
    signal.throwIfAborted();
    this.#row("https", serverRow(took));
    if (took === undefined) {
      this.#skip("Not tried: the server does not answer.", ["socket", "video", "udp", "tcp", "relay-udp", "relay-tls"]);
      this.#skip("Not tried.", ["rtt", "loss", "bitrate"]);
      return;
    }
    const { webrtc, h264 } = this.#view.rows;
    const able = webrtc.verdict === "good" && h264.verdict === "good";
    let refused = "";
    try {
      await this.#door(signal);
    } catch (cause) {
      if (signal.aborted) throw cause;
      refused = cause instanceof ApiError ? cause.message : "The server gave no place to try it from.";
    }
    await Promise.all([this.#socket(signal), this.#video(signal), able && !refused ? this.#ways(signal) : undefined]);
    signal.throwIfAborted();
    if (!able || refused) {
      const why = able ? `Not tried: ${refused}` : "Not tried: your browser is not up to it.";
      this.#skip(why, ["udp", "tcp", "relay-udp", "relay-tls"]);
      this.#skip("Not tried.", ["rtt", "loss", "bitrate"]);
      return;
    }
    await this.#line(picture, signal);
  }

  async #socket(signal: AbortSignal): Promise<void> {
    this.#row("socket", running("Opening one"));
    const own = new URL("/api/live?channels=check", location.origin.replace(/^http/, "ws")).href;
    const took = await openSocket(own, undefined, signal);
    const seat = this.#seat;
    const events = took === undefined || !seat ? took : await openSocket(seat.events, seat.token, signal);
    if (!signal.aborted)
      this.#row("socket", socketRow(took === undefined || events === undefined ? undefined : Math.max(took, events)));
  }

  async #video(signal: AbortSignal): Promise<void> {
    this.#row("video", running("Looking for a live channel"));
    const playlist = await this.#playlist(signal).catch(() => undefined);
    if (playlist !== undefined) this.#row("video", running("Fetching"));
    const video = playlist === undefined ? undefined : await fetchVideo(playlist, signal);
    if (!signal.aborted) this.#row("video", videoRow(video));
  }

  async #playlist(signal: AbortSignal): Promise<string | undefined> {
    const { live } = await api.channels(signal);
    const shown = live.filter((card) => card.live && !card.interrupted);
    const wanted = this.#channel?.toLowerCase();
    const card = shown.find((c) => c.username.toLowerCase() === wanted) ?? shown[0];
    return card && (await api.channel(card.username, signal)).playbackUrl;
  }

  async #ways(signal: AbortSignal): Promise<void> {
    const found: WaysFound = (this.#found = {});
    for (const id of ["udp", "tcp", "relay-udp", "relay-tls"] as const) {
      this.#row(id, running("Connecting"));
      // Without TLS the relay is offered by plain TCP in its place.
      for (const way of id === "relay-tls" ? (["relay-tls", "relay-tcp"] as const) : [id]) {
        try {
          const trial = await this.#try(way, undefined, signal);
          found[way] = { state: "open", took: trial.took, port: trial.port };
          await trial.close();
        } catch (cause) {
          signal.throwIfAborted();
          const { code, port } = cause instanceof ProbeError ? cause : new ProbeError("refused");
          found[way] = { state: code, port };
        }
        if (found[way].state !== "absent") break;
      }
      this.#judge();
    }
  }

  /** Judges all ways anew: what one means depends on the others. */
  #judge(): void {
    const found = this.#found;
    for (const way of ["udp", "tcp", "relay-udp"] as const) if (found[way]) this.#row(way, wayRow(way, found));
    const last = found["relay-tcp"] && found["relay-tcp"].state !== "absent" ? "relay-tcp" : "relay-tls";
    if (found[last]) this.#row("relay-tls", wayRow(last, found));
  }

  async #line(picture: Promise<MediaStream>, signal: AbortSignal): Promise<void> {
    const rest = ["rtt", "loss", "bitrate"] as const;
    const way = bestWay(this.#found);
    if (!way) {
      this.#skip("Not tried: no way is open.", rest);
      return;
    }
    this.#row("bitrate", running("Waiting for your camera"));
    const stream = await Promise.race([picture, aborted(signal)]);
    const painted = stream.getVideoTracks().some((track) => track.readyState === "live" && track.enabled)
      ? undefined
      : paintedStream();
    let trial: Trial | undefined;
    try {
      for (const id of rest) this.#row(id, running(""));
      this.#row("bitrate", running(`Sending ${painted ? "a test picture" : "your picture"} by ${wayLabel(way)}`));
      trial = await this.#try(way, painted?.stream ?? stream, signal);
      const line = await measure(
        trial,
        (now, left) => {
          const more = left > 0 ? `, ${left} s to go` : "";
          this.#row("bitrate", running(`${(now.sent / 1e6).toFixed(1)} Mbit/s so far${more}`));
        },
        signal,
      );
      for (const [id, row] of Object.entries(lineRows(line))) this.#row(id as Own, row);
    } catch (cause) {
      signal.throwIfAborted();
      if (!(cause instanceof ProbeError)) throw cause;
      this.#skip("Not measured: the connection did not come up again.", rest);
    } finally {
      painted?.stop();
      await trial?.close();
    }
  }

  async #try(way: Way, stream: MediaStream | undefined, signal: AbortSignal): Promise<Trial> {
    const door = await this.#door(signal);
    return this.#prober.probe({ door, way, stream, signal });
  }

  /** A place to try from, which lasts for a while. */
  async #door(signal: AbortSignal): Promise<Seat> {
    if (this.#seat && this.#seat.ends - Date.now() > ENOUGH) return this.#seat;
    const asked = Date.now();
    const { token, seconds } = await api.check(signal);
    const { whipUrl, eventsUrl, topic } = readToken(token);
    this.#seat = { url: whipUrl, token, events: `${eventsUrl}/${encodeURIComponent(topic)}`, ends: asked + seconds * 1000 };
    return this.#seat;
  }

  #skip(why: string, rows: readonly Own[]): void {
    for (const id of rows) this.#row(id, skipped(why));
  }

  #row(id: Own, row: Row): void {
    this.#change({ rows: { ...this.#view.rows, [id]: row } });
  }

  #change(change: Partial<CheckView>): void {
    this.#view = { ...this.#view, ...change };
    for (const told of this.#told) told();
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
