import { expect, it } from "vitest";
import { Pacer } from "./pacer";

/** Draws within ten seconds, with cameras of these frame rates and a clock at 60 Hz. */
function draws(rate: number, cameras: number[]): number {
  const pacer = new Pacer(rate);
  const events = cameras.flatMap((fps, k) =>
    Array.from({ length: 10 * fps }, (_, i) => ({ at: (i * 1000) / fps + k * 7, by: "frame" as const })),
  );
  const clock = Array.from({ length: 600 }, (_, i) => ({ at: (i * 1000) / 60 + 3, by: "clock" as const }));
  return [...events, ...clock].sort((a, b) => a.at - b.at).filter(({ at, by }) => pacer.due(at, by)).length;
}

it.each([
  ["draws each frame of a camera as fast as the picture", [30], 300, 300],
  ["draws every second one of a camera twice as fast", [60], 300, 300],
  ["draws each frame of a film", [24], 235, 245],
  ["goes on when no camera gives anything", [], 295, 305],
  ["goes on beside a slow camera", [8], 195, 305],
  ["does not draw for each of six cameras", [30, 30, 30, 30, 25, 24], 295, 410],
])("%s", (_, cameras, least, most) => {
  const n = draws(30, cameras);
  expect(n).toBeGreaterThanOrEqual(least);
  expect(n).toBeLessThanOrEqual(most);
});

it("shows a slow camera's frames when they come, not when the clock next looks", () => {
  const pacer = new Pacer(30);
  const late: number[] = [];
  let waiting: number | undefined;
  for (let t = 0; t < 5000; t++) {
    const isFrame = t % 50 === 0;
    if (isFrame) waiting = t;
    const drawn = (isFrame && pacer.due(t, "frame")) || (t % 16 === 9 && pacer.due(t, "clock"));
    if (drawn && waiting !== undefined) {
      late.push(t - waiting);
      waiting = undefined;
    }
  }
  expect(late.length).toBeGreaterThanOrEqual(99);
  expect(Math.max(...late)).toBeLessThanOrEqual(10);
});

it("draws the first time at once", () => expect(new Pacer(30).due(0, "clock")).toBe(true));
