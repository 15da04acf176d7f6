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
    // Three sizes at once, each a little uneven, as simulcast sends them.
    const sizes = [180, 360, 720].map((height, i) => [
      `video-${height}`,
      {
        type: "outbound-rtp",
        kind: "video",
        id: `video-${height}`,
        rid: ["l", "m", "h"][i],
        bytesSent: Math.round(seconds * [20_000, 75_000, 310_000][i]! + 15_000 * Math.sin(seconds * 1.3)),
        packetsSent: Math.round(seconds * [30, 80, 300][i]!),
        framesEncoded: Math.round(seconds * 30),
        framesPerSecond: 30,
        frameWidth: (height * 16) / 9,
        frameHeight: height,
        timestamp,
      },
    ]);
    return new Map<string, unknown>([
      ...(sizes as [string, unknown][]),
      ["remote", { type: "remote-inbound-rtp", kind: "video", id: "remote", roundTripTime: 0.031, packetsLost: 0, timestamp }],
    ]) as unknown as RTCStatsReport;
  }

  #be(state: WhipState): void {
    this.state = state;
    this.onstate?.(state);
  }
}
