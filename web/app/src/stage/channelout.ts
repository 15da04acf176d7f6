import type { WhipPublisher, WhipState } from "@streamcat/client/whip";
import { sentence } from "../api/client";
import type { Layout } from "../mix/layout";
import type { Mixer, Source } from "../mix/mixer";
import type { ChannelOut } from "./realtime";

export interface ChannelView {
  state: ChannelOut;
  /** What went wrong and what to do, while it failed. */
  trouble: string;
  since: number | undefined;
}

interface Options {
  endpoint: string;
  /** Fetches the stream key. */
  key: () => Promise<string>;
}

const SIZE = { width: 1280, height: 720, frameRate: 30 };
const KBPS = { maxVideoBitrateKbps: 3500, maxFramerate: 30, maxAudioBitrateKbps: 128 };

const states: Readonly<Record<WhipState, ChannelOut>> = {
  idle: "off",
  connecting: "starting",
  live: "live",
  reconnecting: "again",
  failed: "failed",
  ended: "off",
};

/** The stage as one picture on the host's channel: the mixer, and the way of its stream to the ingest by WHIP. */
export class ChannelProgram {
  readonly #options: Options;
  readonly #told = new Set<() => void>();
  #view: ChannelView = { state: "off", trouble: "", since: undefined };
  #mixer: Mixer | undefined;
  #publisher: WhipPublisher | undefined;
  #round = 0;
  #sources: readonly Source[] = [];
  #layout: Layout = "grid";
  #plates = true;

  constructor(options: Options) {
    this.#options = options;
  }

  subscribe = (told: () => void): (() => void) => {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  };

  view = (): ChannelView => this.#view;

  /** What the picture holds from now on; kept while nothing is sent, too. */
  show(sources: readonly Source[], layout: Layout, plates: boolean): void {
    this.#sources = sources;
    this.#layout = layout;
    this.#plates = plates;
    this.#fill();
  }

  /** Opens the way. What becomes of it is in the view; nothing is thrown. Call it from a click, so that sound may start. */
  async start(): Promise<void> {
    if (this.#view.state !== "off" && this.#view.state !== "failed") return;
    const round = ++this.#round;
    const mine = () => round === this.#round;
    this.#be({ state: "starting", trouble: "", since: undefined });
    try {
      const [{ Mixer }, { WhipPublisher }, key] = await Promise.all([
        import("../mix/mixer"),
        import("@streamcat/client/whip"),
        this.#options.key(),
      ]);
      if (!mine()) return;
      this.#mixer = new Mixer(SIZE);
      this.#fill();
      const publisher = new WhipPublisher({
        endpoint: this.#options.endpoint,
        token: key,
        stream: this.#mixer.stream,
        ...KBPS,
      });
      this.#publisher = publisher;
      publisher.onstate = (state) => {
        if (!mine()) return;
        const since = state === "live" ? (this.#view.since ?? Date.now()) : this.#view.since;
        this.#be({ state: states[state], trouble: state === "failed" ? words(publisher.error) : "", since });
        if (state === "failed") this.#drop();
      };
      await publisher.start();
    } catch (cause) {
      if (!mine()) return;
      this.#drop();
      this.#be({ state: "failed", trouble: words(cause as { code?: string; message?: string }), since: undefined });
    }
  }

  stop(): void {
    this.#round += 1;
    this.#drop();
    this.#be({ state: "off", trouble: "", since: undefined });
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.#view.state === "live" ? this.#publisher?.getStats() : undefined;
  }

  #fill(): void {
    this.#mixer?.setLayout(this.#layout);
    this.#mixer?.setNamePlates(this.#plates);
    this.#mixer?.setSources(this.#sources);
  }

  #drop(): void {
    if (this.#publisher) {
      this.#publisher.onstate = undefined;
      void this.#publisher.stop().catch(() => undefined);
    }
    this.#publisher = undefined;
    this.#mixer?.close();
    this.#mixer = undefined;
  }

  #be(view: ChannelView): void {
    this.#view = view;
    for (const told of this.#told) told();
  }
}

/** What happened, and what to try. */
export function words(error: { code?: string; message?: string } | undefined): string {
  switch (error?.code) {
    case "UNAUTHORIZED":
      return "The channel refused the stream key. It may have just been replaced: try again.";
    case "CONFLICT":
      return "Something else is streaming to your channel. Stop your encoder, then try again.";
    case "AT_CAPACITY":
      return "The server has no room for another broadcast now. Try again in a minute.";
    case "CODEC_MISMATCH":
      return "This browser sends no H.264 video, which channels need. Use another browser, or go live on the stage alone.";
    case "NETWORK":
    case "TIMEOUT":
    case "LOST":
      return "No media reached the server. Check your network, or a firewall that blocks WebRTC, then try again.";
  }
  const said = error?.message ? sentence(error.message) : "The picture did not reach your channel.";
  return `${said} Try again.`;
}
