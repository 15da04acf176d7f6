import type { WhipState } from "@streamcat/client/whip";
import { ApiError, sentence } from "../api/client";
import { type Health, type Reading, between, read } from "./health";

/** What is needed of a WhipPublisher. */
export interface Publisher {
  readonly state: WhipState;
  readonly error?: { code: string; message: string } | undefined;
  onstate?: ((state: WhipState) => void) | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  getStats(): Promise<RTCStatsReport>;
}

export interface BroadcastOptions {
  /** Fetches the stream key. It is asked for at each start and kept no longer than the publisher lives. */
  key: () => Promise<string>;
  publisher: (key: string) => Publisher;
}

/**
 * off → preparing (the key is fetched) → connecting → live ⇄ reconnecting → stopping → off, and failed from any
 * of them but the last.
 */
export type OnAir = "off" | "preparing" | "connecting" | "live" | "reconnecting" | "stopping" | "failed";

export interface Mishap {
  code: string;
  title: string;
  text: string;
}

export interface BroadcastView {
  state: OnAir;
  /** When this broadcast first went live, in milliseconds; through reconnecting, until it is off. */
  since: number | undefined;
  /** How long the one before was on air, in milliseconds. */
  lasted: number | undefined;
  /** Why it failed, or why it reconnects. */
  mishap: Mishap | undefined;
  /** Newest last. */
  health: readonly Health[];
}

const OFF: BroadcastView = { state: "off", since: undefined, lasted: undefined, mishap: undefined, health: [] };
const SAMPLE = 2000;
const KEPT = 45;
/** The server's goodbye is waited for no longer than this. */
const GOODBYE = 4000;

/** Whether leaving now would cut something off. */
export const onAir = ({ state }: BroadcastView): boolean =>
  state === "preparing" || state === "connecting" || state === "live" || state === "reconnecting";

/** One broadcast from this tab into a channel: begun, kept, measured, ended; and begun again. */
export class Broadcast {
  readonly #options: BroadcastOptions;
  readonly #told = new Set<() => void>();
  #view: BroadcastView = OFF;
  #publisher: Publisher | undefined;
  /** Counts starts and stops: answers to earlier ones are not listened to. */
  #round = 0;
  #sampler: ReturnType<typeof setInterval> | undefined;
  #reading: Reading | undefined;

  constructor(options: BroadcastOptions) {
    this.#options = options;
  }

  subscribe = (told: () => void): (() => void) => {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  };
  view = (): BroadcastView => this.#view;

  async start(): Promise<void> {
    if (onAir(this.#view) || this.#view.state === "stopping") return;
    const round = ++this.#round;
    this.#set({ ...OFF, state: "preparing" });
    let publisher: Publisher;
    try {
      const key = await this.#options.key();
      if (round !== this.#round) return;
      publisher = this.#options.publisher(key);
    } catch (cause) {
      if (round === this.#round) this.#failed(beforehand(cause));
      return;
    }
    this.#publisher = publisher;
    publisher.onstate = (state) => {
      if (round === this.#round) this.#follow(publisher, state);
    };
    this.#set({ state: "connecting" });
    try {
      await publisher.start();
    } catch (cause) {
      // The state says it as a rule; a publisher that could not even begin does not.
      if (round === this.#round && this.#view.state !== "failed")
        this.#failed(words(publisher.error ?? { code: "FAILED", message: cause instanceof Error ? cause.message : "" }));
    }
  }

  async stop(): Promise<void> {
    if (!onAir(this.#view)) return;
    const round = ++this.#round;
    const { since } = this.#view;
    const lasted = since === undefined ? undefined : Date.now() - since;
    const publisher = this.#release();
    this.#set({ state: "stopping", mishap: undefined });
    if (publisher) {
      const patience = new Promise<void>((done) => setTimeout(done, GOODBYE));
      await Promise.race([publisher.stop().catch(() => undefined), patience]);
    }
    if (round === this.#round) this.#set({ ...OFF, lasted });
  }

  /** When the page goes: says goodbye without waiting. */
  close(): void {
    this.#round++;
    void this.#release()
      ?.stop()
      .catch(() => undefined);
    this.#set(OFF);
  }

  #set(change: Partial<BroadcastView>): void {
    this.#view = { ...this.#view, ...change };
    for (const told of this.#told) told();
  }

  #follow(publisher: Publisher, state: WhipState): void {
    switch (state) {
      case "live":
        this.#set({ state: "live", since: this.#view.since ?? Date.now(), mishap: undefined });
        this.#measure(publisher);
        return;
      case "connecting":
      case "reconnecting": {
        const again = this.#view.since !== undefined;
        this.#reading = undefined;
        this.#set({
          state: again ? "reconnecting" : "connecting",
          mishap: publisher.error ? words(publisher.error) : undefined,
        });
        return;
      }
      case "failed":
        this.#failed(words(publisher.error ?? { code: "FAILED", message: "" }));
        return;
      case "ended":
        this.#release();
        this.#set(OFF);
        return;
      case "idle":
    }
  }

  #failed(mishap: Mishap): void {
    this.#round++;
    void this.#release()
      ?.stop()
      .catch(() => undefined);
    this.#set({ state: "failed", since: undefined, mishap, health: [] });
  }

  /** Forgets the publisher, and the key with it. */
  #release(): Publisher | undefined {
    clearInterval(this.#sampler);
    this.#sampler = undefined;
    this.#reading = undefined;
    const publisher = this.#publisher;
    this.#publisher = undefined;
    if (publisher) publisher.onstate = undefined;
    return publisher;
  }

  #measure(publisher: Publisher): void {
    this.#sampler ??= setInterval(() => void this.#sample(publisher), SAMPLE);
  }

  async #sample(publisher: Publisher): Promise<void> {
    if (this.#view.state !== "live") return;
    const reading = await publisher.getStats().then(read, () => undefined);
    if (publisher !== this.#publisher || !reading) return;
    const health = this.#reading && between(this.#reading, reading);
    this.#reading = reading;
    if (health) this.#set({ health: [...this.#view.health, health].slice(-KEPT) });
  }
}

/** The key did not come. */
function beforehand(cause: unknown): Mishap {
  const text = cause instanceof ApiError ? cause.message : "Load the page again, then try once more.";
  return { code: "KEY", title: "You are not live", text };
}

/** What the publisher or the server said, for the person in front of it. */
export function words({ code, message }: { code: string; message: string }): Mishap {
  switch (code) {
    case "CONFLICT":
      return {
        code,
        title: "Another encoder is live on your channel",
        text: "Stop it first: a program such as OBS, or this page in another tab or on another device. Then go live here.",
      };
    case "UNAUTHORIZED":
    case "NOT_FOUND":
      return {
        code,
        title: "The stream key was not accepted",
        text: "It may have been replaced a moment ago. Try again: the new one is taken then.",
      };
    case "CODEC_MISMATCH":
      return {
        code,
        title: "This browser cannot send H.264",
        text: "Streams need it. Use another browser, or an encoder such as OBS.",
      };
    case "AT_CAPACITY":
    case "SERVER_BUSY":
    case "SERVER_DRAINING":
      return { code, title: "The server has no room right now", text: "Try again in a minute." };
    case "NETWORK":
    case "LOST":
    case "TIMEOUT":
      return {
        code,
        title: "The server cannot be reached",
        text: "Your connection may be down, or a firewall between may hold back video. Try again, or another network.",
      };
    default:
      return { code, title: "You are not live", text: message ? sentence(message) : "Try again in a moment." };
  }
}
