/** How long a message waits for a picture, in milliseconds. */
export const SEI_WAITS = 2_000;
/** How much later than the first a size may begin with a message: they are encoded together, but do not all go out always. */
const TOGETHER = 500;
/** How long a message may take for all its repeats. */
const LASTS = 10_000;

interface Waiting {
  unit: Uint8Array;
  pictures: number;
  asked: number;
  /** When it first went into a picture. */
  begun: number | undefined;
  /** How many pictures of a size it is still to go into. */
  left: Map<number, number>;
  gone: () => void;
}

/** Messages on their way into pictures of several sizes. Times are in milliseconds. */
export class SeiQueue {
  #waiting: Waiting[] = [];

  /** Puts a unit into the next pictures of each size; `gone` is called with the first. */
  add(unit: Uint8Array, pictures: number, now: number, gone: () => void): void {
    this.#waiting.push({ unit, pictures, asked: now, begun: undefined, left: new Map(), gone });
  }

  /** What goes into a picture now that is of a size: a synchronization source. */
  take(size: number, now: number): Uint8Array[] {
    const units: Uint8Array[] = [];
    for (const one of this.#waiting) {
      const late = one.begun === undefined ? now - one.asked > SEI_WAITS : now - one.begun > TOGETHER;
      const left = one.left.get(size) ?? (late ? 0 : one.pictures);
      if (left === 0) continue;
      one.left.set(size, left - 1);
      units.push(one.unit);
      if (one.begun !== undefined) continue;
      one.begun = now;
      one.gone();
    }
    this.#waiting = this.#waiting.filter(({ asked, begun, left }) => {
      if (begun === undefined) return now - asked <= SEI_WAITS;
      return now - begun <= TOGETHER || (now - begun <= LASTS && [...left.values()].some((n) => n > 0));
    });
    return units;
  }
}
