import { canceled } from "./wait.js";

/** Lets a few pass at a time; the others wait in line. */
export class Gate {
  #free: number;
  readonly #line: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /** Does something while holding a place. Rejects with CANCELED if the signal aborts before its turn. */
  async pass<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    try {
      return await act();
    } finally {
      const next = this.#line.shift();
      if (next) next();
      else this.#free += 1;
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", cancel);
        resolve();
      };
      const cancel = () => {
        this.#line.splice(this.#line.indexOf(enter), 1);
        reject(canceled());
      };
      if (signal.aborted) {
        reject(canceled());
        return;
      }
      this.#line.push(enter);
      signal.addEventListener("abort", cancel, { once: true });
    });
  }
}
