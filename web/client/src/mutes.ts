/** The server takes 20 frames a second; mute buttons are not the ones to use them up. */
const MUTE_EVERY = 100;

/** What of ours is muted. */
export interface Muted {
  audioMuted: boolean;
  videoStopped: boolean;
}

export interface MutesOptions {
  /** What is so; undefined while there is nothing to tell, or nobody to be told. */
  now: () => Muted | undefined;
  /** Says something on the events socket. */
  send: (type: string, payload: Muted) => void;
}

/** Tells the others what of ours is muted, if that is news; soon, and not too often. */
export class Mutes {
  /** What the server says that they know. */
  known: Muted = { audioMuted: false, videoStopped: false };
  readonly #options: MutesOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #toldAt = -Infinity;

  constructor(options: MutesOptions) {
    this.#options = options;
  }

  tell(): void {
    if (this.#timer !== undefined || !this.#news()) return;
    const wait = Math.max(0, this.#toldAt + MUTE_EVERY - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const news = this.#news();
      if (!news) return;
      this.known = news;
      this.#toldAt = performance.now();
      this.#options.send("MUTE", news); // if it does not arrive, the next STAGE_STATE shows that
    }, wait);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #news(): Muted | undefined {
    const now = this.#options.now();
    if (!now) return undefined;
    return now.audioMuted !== this.known.audioMuted || now.videoStopped !== this.known.videoStopped ? now : undefined;
  }
}
