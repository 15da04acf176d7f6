import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Levels } from "./levels";

const hear = new Map<string, (level: number) => void>();
const stopped: string[] = [];
const track = (id: string, readyState = "live") => ({ id, readyState }) as MediaStreamTrack;
let levels: Levels;

beforeEach(() => {
  vi.useFakeTimers();
  hear.clear();
  stopped.length = 0;
  levels = new Levels((t, onLevel) => {
    hear.set(t.id, onLevel);
    return () => void stopped.push(t.id);
  });
});
afterEach(() => {
  levels.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

it("calls a voice speaking at once, and silent only after a pause", () => {
  levels.set(new Map([["a", track("t1")]]));
  const told = vi.fn();
  levels.subscribe("a", told);
  hear.get("t1")!(3);
  expect(levels.sound("a")).toEqual({ bars: 3, speaking: true });
  hear.get("t1")!(0);
  expect(levels.sound("a")).toEqual({ bars: 0, speaking: true });
  vi.advanceTimersByTime(599);
  expect(levels.sound("a").speaking).toBe(true);
  hear.get("t1")!(2);
  hear.get("t1")!(1);
  vi.advanceTimersByTime(599);
  expect(levels.sound("a").speaking).toBe(true);
  vi.advanceTimersByTime(1);
  expect(levels.sound("a")).toEqual({ bars: 1, speaking: false });
  expect(told).toHaveBeenCalledTimes(5);
});

it("tells only those who listen to that person, and only what is new", () => {
  levels.set(
    new Map([
      ["a", track("t1")],
      ["b", track("t2")],
    ]),
  );
  const told = vi.fn();
  levels.subscribe("b", told);
  hear.get("t1")!(4);
  expect(told).not.toHaveBeenCalled();
  hear.get("t2")!(1);
  hear.get("t2")!(1);
  expect(told).toHaveBeenCalledOnce();
});

it("knows who is loudest among those who speak", () => {
  levels.set(
    new Map([
      ["a", track("t1")],
      ["b", track("t2")],
    ]),
  );
  expect(levels.loudest()).toBeUndefined();
  hear.get("t1")!(2);
  hear.get("t2")!(4);
  expect(levels.loudest()).toBe("b");
  hear.get("t2")!(1);
  expect(levels.loudest()).toBe("a");
});

it("follows another track of the same person and forgets who left", () => {
  levels.set(
    new Map([
      ["a", track("t1")],
      ["b", track("t2")],
    ]),
  );
  hear.get("t1")!(4);
  const told = vi.fn();
  levels.subscribe("a", told);
  levels.set(new Map([["a", track("t3")]]));
  expect(stopped).toEqual(["t1", "t2"]);
  expect(levels.sound("a")).toEqual({ bars: 0, speaking: false });
  expect(told).toHaveBeenCalled();
  levels.set(new Map([["a", track("t4", "ended")]]));
  expect(hear.has("t4")).toBe(false);
});
