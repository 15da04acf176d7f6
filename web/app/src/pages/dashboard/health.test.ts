import { describe, expect, it } from "vitest";
import { roof } from "./HealthPanel";
import { SHOWN, joined } from "./useStreamHealth";

const of = (...times: number[]) => ({
  times,
  bitrate: times.map((t) => t * 10),
  frameRate: times.map(() => 30),
  keyframes: times.map(() => null),
  viewers: times.map(() => 1),
});

describe("a history that grows", () => {
  it("begins with what comes first", () => expect(joined(undefined, of(5, 10))).toEqual(of(5, 10)));
  it("takes what is new", () => expect(joined(of(5, 10), of(15, 20))).toEqual(of(5, 10, 15, 20)));
  it("does not take the same twice", () => expect(joined(of(5, 10), of(5, 10, 15))).toEqual(of(5, 10, 15)));
  it("stays when nothing is new", () => expect(joined(of(5, 10), of())).toEqual(of(5, 10)));
  it("forgets what is older than is shown", () => {
    const long = of(...Array.from({ length: SHOWN }, (_, i) => i * 5 + 5));
    const now = joined(long, of(SHOWN * 5 + 5));
    expect(now.times.length).toBe(SHOWN);
    expect(now.times[0]).toBe(10);
    expect(now.bitrate.length).toBe(SHOWN);
  });
});

describe("the top of a scale", () => {
  it.each([
    [0, 1],
    [4.6, 5],
    [6.9, 8],
    [33, 50],
    [474, 500],
    [1000, 1000],
    [9500, 10_000],
  ])("above %d is %d", (v, top) => expect(roof(v)).toBe(top));
});
