import { expect, it } from "vitest";
import type { ChannelCard } from "../../api/types";
import { arranged, merge, watchPath } from "./listing";

const card = (username: string, viewers: number, live = true): ChannelCard => ({
  username,
  title: username,
  category: { id: "talk", name: "Talk" },
  live,
  viewers,
  realTime: false,
  realTimeSince: null,
});
const names = (list: ChannelCard[]) => list.map((c) => c.username);

it("changes numbers in place, without moving cards", () => {
  const next = merge({ live: [card("a", 9), card("b", 5)], recent: [] }, card("b", 50));
  expect(names(next.live)).toEqual(["a", "b"]);
  expect(next.live[1]!.viewers).toBe(50);
});

it("puts a newcomer where its viewers belong and takes it from those off air", () => {
  const next = merge({ live: [card("a", 9), card("b", 5)], recent: [card("c", 0, false)] }, card("c", 7));
  expect(names(next.live)).toEqual(["a", "c", "b"]);
  expect(next.recent).toEqual([]);
});

it("moves who leaves to the front of those off air", () => {
  const next = merge({ live: [card("a", 9)], recent: [card("c", 0, false)] }, card("a", 0, false));
  expect(next.live).toEqual([]);
  expect(names(next.recent)).toEqual(["a", "c"]);
});

it("does not list strangers who are off air", () => {
  const now = { live: [], recent: [] };
  expect(merge(now, card("x", 0, false))).toEqual(now);
});

it("counts who is live in real time alone as live, and leads to the stage", () => {
  const stage = { ...card("c", 0, false), realTime: true };
  const now = arranged({ live: [card("a", 9)], recent: [stage, card("b", 0, false)] });
  expect(names(now.live)).toEqual(["a", "c"]);
  expect(names(now.recent)).toEqual(["b"]);
  expect(now.live.map(watchPath)).toEqual(["/c/a", "/c/c/realtime"]);
  expect(watchPath({ ...stage, live: true })).toBe("/c/c");
  const over = merge(now, { ...stage, realTime: false });
  expect(names(over.live)).toEqual(["a"]);
  expect(names(over.recent)).toEqual(["c", "b"]);
});
