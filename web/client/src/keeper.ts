import { Backoff } from "./backoff.js";
import { Failure } from "./failure.js";
import { pause } from "./wait.js";

/** A connection that can break. */
export interface Connection {
  /** Settles when it broke or was closed, and says why. Never rejects. */
  readonly lost: Promise<Failure>;
  /** Gives it up; `lost` says why. */
  break(why: string): void;
  /** Ends it; resolves when the other side has heard of it. Never rejects. */
  close(): Promise<void>;
}

export type KeeperState = "connecting" | "open" | "failed";

export interface KeeperOptions<C extends Connection> {
  open: (signal: AbortSignal) => Promise<C>;
  /** `failure` is given with "failed", and with "connecting" when a connection was lost. */
  changed: (state: KeeperState, failure?: Failure) => void;
  /** How long to try for a first connection, and for a further one after a loss, in milliseconds. */
  patience: { first: number; again: number };
  /** Failures that no patience wears out. */
  endless?: (failure: Failure) => boolean;
}

/** A connection that lasted this long was a good one: the pauses start small again. */
const GOOD_AFTER = 5_000;
const PAUSE = { least: 300, most: 5_000 };

/** Keeps a connection: opens the next one when it is lost, with growing pauses, as long as its patience lasts. */
export class Keeper<C extends Connection> {
  readonly #options: KeeperOptions<C>;
  #current: C | undefined;
  #opened = 0;
  #run: AbortController | undefined;
  #nap: AbortController | undefined;

  constructor(options: KeeperOptions<C>) {
    this.#options = options;
  }

  /** The connection, while there is one. */
  get current(): C | undefined {
    return this.#current;
  }

  start(): void {
    if (this.#run) return;
    this.#run = new AbortController();
    void this.#keep(this.#run);
  }

  /** Stops trying and closes the connection; resolves when the other side has heard of it. `changed` hears nothing. */
  async stop(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    this.#run?.abort();
    this.#run = undefined;
    await current?.close();
  }

  /** The network is back: does not sit out a pause. */
  hurry(): void {
    this.#nap?.abort();
  }

  /** Gives up a connection opened before a time (of performance.now), for a new one. */
  renew(why: string, before = Infinity): void {
    if (this.#opened < before) this.#current?.break(why);
    this.hurry();
  }

  async #keep(run: AbortController): Promise<void> {
    const { signal } = run;
    const { open, changed, patience, endless = () => false } = this.#options;
    const backoff = new Backoff(PAUSE.least, PAUSE.most);
    let end = performance.now() + patience.first;
    changed("connecting");
    while (!signal.aborted) {
      let failure: Failure;
      try {
        const current = await open(signal);
        if (signal.aborted) {
          void current.close();
          return;
        }
        this.#current = current;
        this.#opened = performance.now();
        changed("open");
        failure = await current.lost;
        if (signal.aborted) return;
        this.#current = undefined;
        void current.close();
        const lost = performance.now();
        if (lost - this.#opened >= GOOD_AFTER) backoff.reset();
        end = lost + patience.again;
        if (failure.passing) changed("connecting", failure);
      } catch (error) {
        if (signal.aborted) return;
        failure = Failure.of(error);
      }
      const wait = failure.retryAfter > 0 ? failure.retryAfter * (1 + 0.25 * Math.random()) : backoff.next();
      if (!endless(failure) && (!failure.passing || performance.now() + wait > end)) {
        this.#run = undefined;
        changed("failed", failure);
        return;
      }
      await this.#sleep(wait, signal);
    }
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const nap = new AbortController();
    this.#nap = nap;
    const wake = () => nap.abort();
    signal.addEventListener("abort", wake);
    await pause(ms, nap.signal).catch(() => {});
    signal.removeEventListener("abort", wake);
    if (this.#nap === nap) this.#nap = undefined;
  }
}
