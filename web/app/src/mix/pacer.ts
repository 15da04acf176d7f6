/** Shares of the time between two frames: room for a camera's unevenness, and how long the clock waits for one. */
const EARLY = 0.75;
const LATE = 1.4;
/** Cameras silent for so many frames are not waited for. */
const SILENT = 3;

/**
 * When to draw: with the cameras' own frames, so that motion is even, but never more often than the frame rate
 * asks and hardly more seldom, whoever sleeps.
 */
export class Pacer {
  readonly #interval: number;
  #drawn = Number.NEGATIVE_INFINITY;
  #heard = Number.NEGATIVE_INFINITY;
  #by: "frame" | "clock" = "clock";

  /** Frames per second. */
  constructor(frameRate: number) {
    this.#interval = 1000 / frameRate;
  }

  /** Whether to draw now (milliseconds), asked by a camera's new frame or by the clock; a yes counts as drawn. */
  due(now: number, by: "frame" | "clock"): boolean {
    if (by === "frame") this.#heard = now;
    const alone = now - this.#heard > SILENT * this.#interval;
    let wait = EARLY;
    if (by === "clock" && !alone) wait = LATE;
    // The clock had just given up on this frame: it is not kept for the clock's next turn.
    if (by === "frame" && this.#by === "clock") wait = 0;
    if (now - this.#drawn < wait * this.#interval) return false;
    this.#drawn = now;
    this.#by = by;
    return true;
  }
}
