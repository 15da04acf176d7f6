/**
 * Pauses that grow and never end: 0.5 s, 1 s, 2 s … up to `most`, each shortened by chance so that a
 * room full of people does not come back in one beat.
 */
export class Backoff {
  #tries = 0;
  readonly #least: number;
  readonly #most: number;
  readonly #random: () => number;

  constructor(least = 500, most = 10_000, random: () => number = Math.random) {
    this.#least = least;
    this.#most = most;
    this.#random = random;
  }

  get tries(): number {
    return this.#tries;
  }

  /** The next pause in milliseconds. */
  next(): number {
    const whole = Math.min(this.#least * 2 ** Math.min(this.#tries, 20), this.#most);
    this.#tries += 1;
    return Math.round(whole * (0.6 + 0.4 * this.#random()));
  }

  reset(): void {
    this.#tries = 0;
  }
}
