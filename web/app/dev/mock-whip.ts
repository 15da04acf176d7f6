import type { WhipPublisherOptions, WhipState } from "../../client/src/whip";

export type { WhipPublisherOptions, WhipState };

/** In the place of the library's publisher: live after a moment. A stream key with "refuse" in it is refused. */
export class WhipPublisher {
  state: WhipState = "idle";
  error: { code: string; message: string } | undefined;
  onstate: ((state: WhipState) => void) | undefined;
  readonly #options: WhipPublisherOptions;
  #began = 0;

  constructor(options: WhipPublisherOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#be("connecting");
    await new Promise((done) => setTimeout(done, 600));
    if (this.state !== "connecting") throw Object.assign(new Error("stopped"), { code: "CANCELED" });
    if (this.#options.token.includes("refuse")) {
      this.error = { code: "CONFLICT", message: "another broadcast is on this channel" };
      this.#be("failed");
      throw Object.assign(new Error(this.error.message), this.error);
    }
    this.#began = performance.now();
    this.#be("live");
  }

  async stop(): Promise<void> {
    this.#be("ended");
  }

  async replaceTrack(): Promise<void> {}

  async getStats(): Promise<RTCStatsReport> {
    const seconds = (performance.now() - this.#began) / 1000;
    const timestamp = performance.now();
    return new Map<string, unknown>([
      [
        "video",
        {
          type: "outbound-rtp",
          kind: "video",
          id: "video",
          bytesSent: Math.round(seconds * 310_000),
          packetsSent: Math.round(seconds * 300),
          framesPerSecond: 30,
          frameWidth: 1280,
          frameHeight: 720,
          timestamp,
        },
      ],
      ["remote", { type: "remote-inbound-rtp", kind: "video", id: "remote", roundTripTime: 0.031, packetsLost: 0, timestamp }],
    ]) as unknown as RTCStatsReport;
  }

  #be(state: WhipState): void {
    this.state = state;
    this.onstate?.(state);
  }
}
