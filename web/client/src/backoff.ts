/**
 * Pauses that grow: `least`, twice that, … up to `most` (milliseconds), each shortened by chance so that
 * a stage full of people does not come back in one beat.
 */
export class Backoff {
  #tries = 0;
  readonly #least: number;
  readonly #most: number;

  constructor(least: number, most: number) {
    this.#least = least;
    this.#most = most;
  }

  /** The next pause in milliseconds. */
  next(): number {
    const whole = Math.min(this.#least * 2 ** Math.min(this.#tries, 20), this.#most);
    this.#tries += 1;
    return Math.round(whole * (0.5 + 0.5 * Math.random()));
  }

  reset(): void {
    this.#tries = 0;
  }
}
