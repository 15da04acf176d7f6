import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeSocket } from "../chat/fakesocket";
import { LiveFeed, readFrame, useLiveFeed } from "./feed";

const events = { onChannel: vi.fn(), onAgain: vi.fn(), onConnected: vi.fn() };
const last = () => FakeSocket.all.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  for (const spy of Object.values(events)) spy.mockReset();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it("asks for the channels by name and passes their cards on", () => {
  const feed = new LiveFeed(["okko", "sable"], events);
  expect(last().url).toMatch(/^ws.*\/api\/live\?channels=okko%2Csable$/);
  last().open();
  last().receive({ type: "channel", channel: { username: "okko", live: true } });
  expect(events.onChannel).toHaveBeenCalledWith({ username: "okko", live: true });
  expect(events.onAgain).not.toHaveBeenCalled();
  feed.close();
});

it("comes back by itself and says that something may have been missed", async () => {
  const feed = new LiveFeed(undefined, events);
  last().open();
  last().drop();
  expect(events.onConnected).toHaveBeenLastCalledWith(false);
  await vi.advanceTimersByTimeAsync(500);
  expect(FakeSocket.all).toHaveLength(2);
  last().open();
  expect(events.onAgain).toHaveBeenCalledOnce();
  feed.close();
  expect(last().closedWith).toBe(1000);
  last().drop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeSocket.all).toHaveLength(2);
});

it("stays on a line that only says it is alive", async () => {
  const feed = new LiveFeed(undefined, events);
  last().open();
  for (let i = 0; i < 10; i++) {
    await vi.advanceTimersByTimeAsync(25_000);
    last().receive({ type: "alive" });
  }
  expect(FakeSocket.all).toHaveLength(1);
  expect(events.onChannel).not.toHaveBeenCalled();
  feed.close();
  expect(vi.getTimerCount()).toBe(0);
});

it("leaves a line that has been silent for a minute, without waiting for its end", async () => {
  const feed = new LiveFeed(undefined, events);
  const dead = last();
  dead.open();
  await vi.advanceTimersByTimeAsync(30_000);
  dead.receive({ type: "channel", channel: { username: "okko" } });
  await vi.advanceTimersByTimeAsync(59_999);
  expect(events.onConnected).toHaveBeenLastCalledWith(true);
  await vi.advanceTimersByTimeAsync(1);
  expect(events.onConnected).toHaveBeenLastCalledWith(false);
  expect(dead.readyState).toBe(3);
  await vi.advanceTimersByTimeAsync(500);
  expect(FakeSocket.all).toHaveLength(2);
  last().open();
  expect(events.onAgain).toHaveBeenCalledOnce();
  dead.receive({ type: "channel", channel: { username: "sable" } });
  dead.drop();
  expect(events.onChannel).toHaveBeenCalledOnce();
  expect(events.onConnected).toHaveBeenLastCalledWith(true);
  feed.close();
  expect(vi.getTimerCount()).toBe(0);
});

it("does not wait for ever for a line to open", async () => {
  const feed = new LiveFeed(undefined, events);
  await vi.advanceTimersByTimeAsync(60_500);
  expect(FakeSocket.all).toHaveLength(2);
  feed.close();
});

it("asks every 20 seconds while the line is out, and only then", async () => {
  const refresh = vi.fn();
  const { unmount } = renderHook(() => useLiveFeed("okko", () => undefined, refresh));
  await act(async () => last().open());
  await act(() => vi.advanceTimersByTimeAsync(59_999));
  expect(refresh).not.toHaveBeenCalled();
  await act(() => vi.advanceTimersByTimeAsync(1));
  await act(() => vi.advanceTimersByTimeAsync(20_000));
  expect(refresh).toHaveBeenCalledOnce();
  await act(async () => last().open());
  expect(refresh).toHaveBeenCalledTimes(2); // what was missed
  await act(() => vi.advanceTimersByTimeAsync(40_000));
  expect(refresh).toHaveBeenCalledTimes(2);
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});

it("skips frames it does not know", () => {
  expect(readFrame("nonsense")).toBeUndefined();
  expect(readFrame('{"type":"raid"}')).toBeUndefined();
  expect(readFrame('{"type":"channel","channel":{}}')).toBeUndefined();
});
