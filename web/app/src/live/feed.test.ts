import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeSocket } from "../chat/fakesocket";
import { LiveFeed, readFrame } from "./feed";

const events = { onChannel: vi.fn(), onAgain: vi.fn(), onConnected: vi.fn() };
const last = () => FakeSocket.all.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  for (const spy of Object.values(events)) spy.mockReset();
});
afterEach(() => {
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

it("skips frames it does not know", () => {
  expect(readFrame("nonsense")).toBeUndefined();
  expect(readFrame('{"type":"raid"}')).toBeUndefined();
  expect(readFrame('{"type":"channel","channel":{}}')).toBeUndefined();
});
