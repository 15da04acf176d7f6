import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { ChatToken } from "../api/types";
import { ChatConnection, type ConnectionState } from "./connection";
import type { Frame } from "./frames";
import { FakeSocket } from "./fakesocket";

let tokens: number;
let states: ConnectionState[];
let frames: Frame[];
let failure: Error | undefined;

const token = async (): Promise<ChatToken> => {
  tokens += 1;
  if (failure) throw failure;
  return {
    token: `token-${tokens}`,
    tokenExpirationTime: new Date(Date.now() + 60_000).toISOString(),
    sessionExpirationTime: new Date(Date.now() + 3_600_000).toISOString(),
    endpoint: "ws://chat.test/chat",
    userId: "u1",
    displayName: "okko",
    capabilities: ["SEND_MESSAGE"],
  };
};

function begin(): ChatConnection {
  const connection = new ChatConnection({
    token,
    onFrame: (frame) => frames.push(frame),
    onState: (state) => states.push(state),
    onIdentity: () => undefined,
    random: () => 1,
  });
  connection.connect();
  return connection;
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const last = () => FakeSocket.all.at(-1)!;
const now = () => states.at(-1)!.name;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  tokens = 0;
  states = [];
  frames = [];
  failure = undefined;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a chat connection", () => {
  it("offers the token as the only subprotocol and sends when open", async () => {
    const connection = begin();
    await settle();
    expect(last().protocol).toBe("token-1");
    expect(connection.send({ Action: "SEND_MESSAGE", RequestId: "r", Content: "early" })).toBe(false);
    last().open();
    expect(now()).toBe("open");
    expect(connection.send({ Action: "SEND_MESSAGE", RequestId: "r", Content: "hi" })).toBe(true);
    expect(JSON.parse(last().sent[0]!)).toEqual({ Action: "SEND_MESSAGE", RequestId: "r", Content: "hi" });
  });

  it("comes back with growing pauses and a new token each time", async () => {
    begin();
    await settle();
    last().open();
    last().drop();
    expect(now()).toBe("waiting");
    await vi.advanceTimersByTimeAsync(499);
    expect(tokens).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(tokens).toBe(2);
    last().drop(); // refused this time
    await vi.advanceTimersByTimeAsync(999);
    expect(tokens).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(tokens).toBe(3);
    last().open();
    expect(now()).toBe("open");
  });

  it("keeps its pauses long while connections break at once, and short again after a good one", async () => {
    begin();
    await settle();
    for (const pause of [500, 1000, 2000]) {
      last().open();
      last().drop();
      const before = tokens;
      await vi.advanceTimersByTimeAsync(pause - 1);
      expect(tokens).toBe(before);
      await vi.advanceTimersByTimeAsync(1);
      expect(tokens).toBe(before + 1);
    }
    last().open();
    await vi.advanceTimersByTimeAsync(5_000);
    last().drop();
    const before = tokens;
    await vi.advanceTimersByTimeAsync(500);
    expect(tokens).toBe(before + 1);
  });

  it("moves to a new session a minute before the old one ends, without a gap", async () => {
    begin();
    await settle();
    const first = last();
    first.open();
    await vi.advanceTimersByTimeAsync(3_540_000);
    const second = last();
    expect(second).not.toBe(first);
    expect(first.closedWith).toBeUndefined();
    second.open();
    expect(first.closedWith).toBe(1000);
    first.drop();
    expect(now()).toBe("open");
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("keeps the old session when a renewal fails, and tries again", async () => {
    begin();
    await settle();
    const first = last();
    first.open();
    failure = new ApiError(503, "busy");
    await vi.advanceTimersByTimeAsync(3_540_000);
    expect(tokens).toBe(2);
    expect(now()).toBe("open");
    failure = undefined;
    await vi.advanceTimersByTimeAsync(1_000);
    last().open();
    expect(first.closedWith).toBe(1000);
  });

  it("stays away after a moderator disconnected this person, until told to connect", async () => {
    const connection = begin();
    await settle();
    last().open();
    last().receive({ Type: "EVENT", Id: "e1", EventName: "aws:DISCONNECT_USER", Attributes: { UserId: "u1", Reason: "rude" } });
    last().drop();
    expect(states.at(-1)).toEqual({ name: "removed", reason: "rude" });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(tokens).toBe(1);
    connection.connect();
    await settle();
    last().open();
    expect(now()).toBe("open");
  });

  it("does not mind others being disconnected", async () => {
    begin();
    await settle();
    last().open();
    last().receive({ Type: "EVENT", Id: "e1", EventName: "aws:DISCONNECT_USER", Attributes: { UserId: "u2" } });
    expect(now()).toBe("open");
    expect(frames).toHaveLength(1);
  });

  it("says why when it is refused, and looks again later", async () => {
    failure = new ApiError(404, "This room is gone.");
    begin();
    await settle();
    expect(states.at(-1)).toEqual({ name: "refused", message: "This room is gone." });
    failure = undefined;
    await vi.advanceTimersByTimeAsync(30_000);
    last().open();
    expect(now()).toBe("open");
  });

  it("waits as long as the server asks when it is throttled", async () => {
    failure = new ApiError(429, "slow down", {}, 7_000);
    begin();
    await settle();
    failure = undefined;
    await vi.advanceTimersByTimeAsync(6_999);
    expect(tokens).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(tokens).toBe(2);
  });

  it("leaves a dead wire at once and comes back with a new token", async () => {
    const connection = begin();
    await settle();
    const dead = last();
    dead.open();
    connection.restart();
    expect(dead.closedWith).toBe(1000);
    expect(now()).toBe("waiting");
    expect(connection.send({ Action: "SEND_MESSAGE", RequestId: "r", Content: "hi" })).toBe(false);
    connection.restart(); // is under way already
    await vi.advanceTimersByTimeAsync(499);
    expect(tokens).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(last().protocol).toBe("token-2");
    last().open();
    dead.receive({ Type: "MESSAGE", Id: "m", Content: "late", Sender: { UserId: "u2" } });
    dead.drop();
    expect(frames).toHaveLength(0);
    expect(now()).toBe("open");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it("does not wait for the token of a renewal when the wire is dead", async () => {
    let answer = (): Promise<ChatToken> => token();
    const connection = new ChatConnection({
      token: () => answer(),
      onFrame: () => undefined,
      onState: (state) => states.push(state),
      onIdentity: () => undefined,
      random: () => 1,
    });
    connection.connect();
    await settle();
    last().open();
    answer = () => new Promise(() => undefined);
    await vi.advanceTimersByTimeAsync(3_540_000);
    answer = token;
    connection.restart();
    expect(now()).toBe("waiting");
    await vi.advanceTimersByTimeAsync(500);
    last().open();
    expect(now()).toBe("open");
    expect(FakeSocket.all).toHaveLength(2);
    connection.close();
  });

  it("tries at once when the network is back", async () => {
    begin();
    await settle();
    last().open();
    last().drop();
    dispatchEvent(new Event("online"));
    await settle();
    expect(tokens).toBe(2);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(tokens).toBe(2);
  });

  it("leaves nothing running once closed", async () => {
    const connection = begin();
    await settle();
    last().open();
    connection.close();
    expect(last().closedWith).toBe(1000);
    last().drop();
    await vi.advanceTimersByTimeAsync(4_000_000);
    expect(tokens).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
