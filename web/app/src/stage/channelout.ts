import { Broadcast, type BroadcastView, type OnAir, onAir } from "../broadcast/broadcast";
import type { Layout } from "../mix/layout";
import type { Mixer, Source } from "../mix/mixer";
import type { ChannelOut } from "./realtime";

interface Options {
  /** The channel's WHIP endpoint. */
  endpoint: string;
  /** Fetches the stream key. */
  key: () => Promise<string>;
}

const SIZE = { width: 1280, height: 720, frameRate: 30 };
const LIMITS = { maxVideoBitrateKbps: 3500, maxFramerate: 30, maxAudioBitrateKbps: 128 };

const states: Readonly<Record<OnAir, ChannelOut>> = {
  off: "off",
  preparing: "starting",
  connecting: "starting",
  live: "live",
  reconnecting: "again",
  stopping: "off",
  failed: "failed",
};

export const channelState = (view: BroadcastView): ChannelOut => states[view.state];

/** The stage as one picture on the host's channel: a mixer that works while it is sent, and the sending. */
export class ChannelProgram {
  readonly broadcast: Broadcast;
  #mixer: Mixer | undefined;
  #sources: readonly Source[] = [];
  #layout: Layout = "grid";
  #plates = true;

  constructor({ endpoint, key }: Options) {
    let make: ((key: string) => InstanceType<(typeof import("@streamcat/client/whip"))["WhipPublisher"]>) | undefined;
    this.broadcast = new Broadcast({
      key: async () => {
        const [{ Mixer: Mix }, { WhipPublisher }, value] = await Promise.all([
          import("../mix/mixer"),
          import("@streamcat/client/whip"),
          key(),
        ]);
        make = (token) => {
          this.#mixer?.close();
          this.#mixer = new Mix(SIZE);
          this.#fill();
          return new WhipPublisher({ endpoint, token, stream: this.#mixer.stream, ...LIMITS });
        };
        return value;
      },
      publisher: (token) => make!(token),
    });
    this.broadcast.subscribe(() => {
      if (onAir(this.broadcast.view())) return;
      this.#mixer?.close();
      this.#mixer = undefined;
    });
  }

  /** What the picture holds from now on; kept while nothing is sent, too. */
  show(sources: readonly Source[], layout: Layout, plates: boolean): void {
    this.#sources = sources;
    this.#layout = layout;
    this.#plates = plates;
    this.#fill();
  }

  /** Ends it at once, as the page goes. It may be started again. */
  close(): void {
    this.broadcast.close();
  }

  #fill(): void {
    this.#mixer?.setLayout(this.#layout);
    this.#mixer?.setNamePlates(this.#plates);
    this.#mixer?.setSources(this.#sources);
  }
}
