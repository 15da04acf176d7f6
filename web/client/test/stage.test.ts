import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Stage, StageError, StageErrorCategory, StageErrorCode, StageEvents } from "../src/index.js";
import { browser, FakePeer, type FakeServer, FakeSocket, last, page, settle } from "./fakes.js";
import { camera, microphone, person, state, token, update, Visitor } from "./visitor.js";

let server: FakeServer;

beforeEach(() => {
  server = browser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("joining", () => {
  test("resolves when the stage has told who is there", async () => {
    const visitor = new Visitor();
    let joined = false;
    const promise = visitor.stage.join().then(() => (joined = true));
    await settle();
    const socket = last(FakeSocket.all);
    expect(socket.url).toBe("wss://live.example/stage-events/stage1");
    expect(socket.protocol).toBe(token());
    expect(joined).toBe(false);
    socket.say("STAGE_STATE", state(person("bob"), person("cy")));
    await promise;
    expect(visitor.news()).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connecting",
      "STAGE_CONNECTION_STATE_CHANGED connected",
      "STAGE_PARTICIPANT_JOINED ada",
      "STAGE_PARTICIPANT_JOINED bob",
      "STAGE_PARTICIPANT_JOINED cy",
    ]);
    await visitor.stage.join(); // it is joined already
    expect(FakeSocket.all).toHaveLength(1);
  });

  test("tells who they are", async () => {
    const visitor = new Visitor();
    const seen: unknown[] = [];
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, (p) => seen.push(p));
    await visitor.join(person("bob", { isPublishing: true, audioMuted: true, attributes: { username: "Bob", n: 1 } }));
    expect(seen[0]).toMatchObject({ id: "ada", isLocal: true });
    expect(seen[1]).toMatchObject({
      id: "bob",
      userId: "user-bob",
      attributes: { username: "Bob" },
      userInfo: { username: "Bob" },
      capabilities: new Set(["publish", "subscribe"]),
      isLocal: false,
      isPublishing: true,
      audioMuted: true,
      videoStopped: false,
    });
  });

  test("works where the list of people lacks ourselves", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    await settle();
    last(FakeSocket.all).say("STAGE_STATE", { ...state(), participants: [person("bob")] });
    await joined;
    expect(visitor.news(/JOINED/)).toEqual(["STAGE_PARTICIPANT_JOINED ada", "STAGE_PARTICIPANT_JOINED bob"]);
  });

  test.each([
    ["is no JWT", "abc"],
    ["has nothing in it", "a.bm90IGpzb24.c"],
    ["names no stage", token({ topic: "" })],
    ["names no events socket", token({ events_url: "https://live.example" })],
    ["names no WHIP endpoint", token({ whip_url: "nowhere" })],
    ["has signs that no token has", `${token()} `],
  ])("rejects with TOKEN_MALFORMED when the token %s", async (_name, bad) => {
    const visitor = new Visitor(bad);
    const error = await visitor.stage.join().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(StageError);
    expect(error).toMatchObject({ name: "StageError", code: 1, category: "JOIN_ERROR" });
    expect((error as Error).message).not.toContain(bad);
    expect(visitor.errors).toEqual([error]);
    expect(FakeSocket.all).toHaveLength(0);
  });

  test.each([
    ["TOKEN_MALFORMED", 1],
    ["TOKEN_EXPIRED", 2],
    ["CODEC_MISMATCH", 7],
    ["TOKEN_NOT_ALLOWED", 8],
    ["STAGE_DELETED", 9],
    ["PARTICIPANT_DISCONNECTED", 10],
  ])("rejects when the server says %s", async (code, number) => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    await settle();
    await visitor.hear("ERROR", { code, message: "because" });
    await expect(joined).rejects.toMatchObject({
      code: number,
      category: StageErrorCategory.JOIN_ERROR,
      message: "because",
    });
    expect(StageErrorCode[code as keyof typeof StageErrorCode]).toBe(number);
    await settle(120_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(last(FakeSocket.all).closedWith).toBe(1000);
    expect(visitor.news()).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connecting",
      "STAGE_CONNECTION_STATE_CHANGED errored",
      `ERROR ${number}`,
    ]);
  });

  test("waits while the stage is full, then rejects with STAGE_AT_CAPACITY", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    for (let second = 0; second < 30; second += 1) {
      const socket = last(FakeSocket.all);
      if (socket.closedWith === undefined) socket.say("ERROR", { code: "STAGE_AT_CAPACITY" });
      await settle(1_000);
    }
    await expect(joined).rejects.toMatchObject({ code: StageErrorCode.STAGE_AT_CAPACITY });
    expect(FakeSocket.all.length).toBeGreaterThan(2);
  });

  test("rejects with TIMEOUT when nothing answers", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    await settle(30_000);
    await expect(joined).rejects.toMatchObject({ code: StageErrorCode.TIMEOUT });
    expect(visitor.news(/STATE/)).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connecting",
      "STAGE_CONNECTION_STATE_CHANGED errored",
    ]);
  });

  test("rejects with FAILED when the server cannot be reached", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    for (let second = 0; second < 30; second += 1) {
      if (last(FakeSocket.all).readyState === 0) last(FakeSocket.all).drop();
      await settle(1_000);
    }
    await expect(joined).rejects.toMatchObject({ code: StageErrorCode.FAILED });
  });

  test("rejects with CANCELED when the stage is left meanwhile", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    visitor.stage.leave();
    await expect(joined).rejects.toMatchObject({ code: StageErrorCode.CANCELED });
    await settle(120_000);
    expect(visitor.news()).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connecting",
      "STAGE_CONNECTION_STATE_CHANGED disconnected",
    ]);
    expect(FakeSocket.all.filter((socket) => socket.closedWith === undefined)).toEqual([]);
  });

  test("works again after it failed", async () => {
    const visitor = new Visitor();
    const joined = visitor.stage.join();
    joined.catch(() => {});
    await settle();
    await visitor.hear("ERROR", { code: "TOKEN_EXPIRED" });
    await visitor.join();
    expect(visitor.news(/connected$/)).toEqual(["STAGE_CONNECTION_STATE_CHANGED connected"]);
  });
});

describe("leaving", () => {
  test("ends everything in a sound order, and leaves the caller's tracks alone", async () => {
    const visitor = new Visitor();
    const own = [camera(), microphone()];
    visitor.streams = own;
    visitor.publish = true;
    await visitor.join(person("bob", { isPublishing: true }));
    visitor.news();
    visitor.stage.leave();
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob not_subscribed",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED bob not_published",
      "STAGE_PARTICIPANT_LEFT bob",
      "STAGE_PARTICIPANT_STREAMS_REMOVED ada audio+video",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada not_published",
      "STAGE_PARTICIPANT_LEFT ada",
      "STAGE_CONNECTION_STATE_CHANGED disconnected",
      "STAGE_LEFT user-initiated",
    ]);
    await settle(120_000);
    const socket = last(FakeSocket.all);
    expect(socket.sent.at(-1)).toEqual({ type: "LEAVE" });
    expect(socket.closedWith).toBe(1000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakePeer.all.map((pc) => pc.connectionState)).toEqual(["closed", "closed"]);
    expect(server.of("DELETE")).toHaveLength(2);
    expect(server.of("POST")).toHaveLength(2);
    for (const { mediaStreamTrack } of own) {
      expect(mediaStreamTrack.stop).not.toHaveBeenCalled();
      expect(mediaStreamTrack.enabled).toBe(true);
    }
    expect(vi.getTimerCount()).toBe(0);
    page.fire("online");
    page.fire("pagehide");
    visitor.stage.leave();
    expect(visitor.news()).toEqual([]);
  });

  test("from within an event is fine", async () => {
    const visitor = new Visitor();
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, ({ id }) => id === "bob" && visitor.stage.leave());
    await visitor.join(person("bob"), person("cy"));
    expect(visitor.news(/LEFT|cy/)).toEqual([
      "STAGE_PARTICIPANT_LEFT bob",
      "STAGE_PARTICIPANT_LEFT ada",
      "STAGE_LEFT user-initiated",
    ]);
    await settle(120_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  test.each(["token-reused", "participant-disconnected", "stage-deleted"])("is told by the server: %s", async (reason) => {
    const visitor = new Visitor();
    await visitor.join();
    visitor.news();
    await visitor.hear("DISCONNECTED", { reason, code: "" });
    last(FakeSocket.all).drop();
    await settle(120_000);
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_LEFT ada",
      "STAGE_CONNECTION_STATE_CHANGED disconnected",
      `STAGE_LEFT ${reason}`,
    ]);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a lost events socket", () => {
  test("is opened again, while media goes on", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }), person("cy"));
    visitor.news();
    last(FakeSocket.all).drop();
    await settle();
    expect(visitor.news()).toEqual(["STAGE_CONNECTION_STATE_CHANGED connecting"]);
    await settle(400);
    expect(FakeSocket.all).toHaveLength(2);
    await visitor.hear("STAGE_STATE", state(person("bob", { isPublishing: true, audioMuted: true }), person("dee")));
    expect(visitor.news()).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connected",
      "STAGE_PARTICIPANT_LEFT cy",
      "STAGE_STREAM_MUTE_CHANGED bob audio muted",
      "STAGE_PARTICIPANT_JOINED dee",
    ]);
    await settle(10_000);
    expect(server.of("POST")).toHaveLength(1);
  });

  test("is opened again when the server drains", async () => {
    const visitor = new Visitor();
    await visitor.join();
    await visitor.hear("DISCONNECTED", { reason: "server-draining" });
    await settle(400);
    expect(FakeSocket.all).toHaveLength(2);
    expect(FakeSocket.all[0]?.closedWith).toBe(1000);
    expect(visitor.news(/LEFT/)).toEqual([]);
  });

  test("brings media up again when the server was started anew", async () => {
    const visitor = new Visitor();
    visitor.streams = [microphone()];
    visitor.publish = true;
    await visitor.join(person("bob", { isPublishing: true }));
    await settle(5_000);
    visitor.news();
    last(FakeSocket.all).drop();
    await settle(400);
    await visitor.hear("STAGE_STATE", { ...state(person("bob", { isPublishing: true })), sessionId: "st-2" });
    await settle(400);
    expect(server.of("POST")).toHaveLength(4);
    const news = visitor.news();
    expect(news.filter((line) => line.includes(" ada "))).toEqual([
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada attempting_publish",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada published",
    ]);
    expect(news.filter((line) => line.includes(" bob "))).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
    ]);
  });

  test("ends the visit after a minute", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob"));
    visitor.news();
    last(FakeSocket.all).drop();
    for (let second = 0; second < 50; second += 1) {
      await settle(1_000);
      if (last(FakeSocket.all).readyState === 0) last(FakeSocket.all).drop();
    }
    expect(visitor.news()).toEqual(["STAGE_CONNECTION_STATE_CHANGED connecting"]);
    for (let second = 0; second < 20; second += 1) {
      if (last(FakeSocket.all).readyState === 0) last(FakeSocket.all).drop();
      await settle(1_000);
    }
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_LEFT bob",
      "STAGE_PARTICIPANT_LEFT ada",
      "STAGE_CONNECTION_STATE_CHANGED errored",
      "ERROR 4",
      "STAGE_LEFT unknown",
    ]);
    const gaps = FakeSocket.all.length;
    expect(gaps).toBeGreaterThan(8); // pauses of up to 5 s
    expect(gaps).toBeLessThan(40);
  });

  test("that is refused with an expired token ends the visit", async () => {
    const visitor = new Visitor();
    await visitor.join();
    visitor.news();
    last(FakeSocket.all).drop();
    await settle(400);
    await visitor.hear("ERROR", { code: "TOKEN_EXPIRED" });
    expect(visitor.news(/STATE|ERROR|STAGE_LEFT/)).toEqual([
      "STAGE_CONNECTION_STATE_CHANGED connecting",
      "STAGE_CONNECTION_STATE_CHANGED errored",
      "ERROR 2",
      "STAGE_LEFT unknown",
    ]);
  });

  test("that is refused after a disconnection says so", async () => {
    const visitor = new Visitor();
    await visitor.join();
    last(FakeSocket.all).drop();
    await settle(400);
    await visitor.hear("ERROR", { code: "PARTICIPANT_DISCONNECTED" });
    expect(visitor.news(/ERROR|STAGE_LEFT/)).toEqual(["STAGE_LEFT participant-disconnected"]);
  });

  test("is noticed by its silence", async () => {
    const visitor = new Visitor();
    await visitor.join();
    for (let i = 0; i < 4; i += 1) {
      await settle(25_000);
      await visitor.hear("PING");
    }
    expect(last(FakeSocket.all).sent).toEqual(Array(4).fill({ type: "PONG" }));
    expect(FakeSocket.all).toHaveLength(1);
    await settle(41_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("is noticed soon when the network came back", async () => {
    const visitor = new Visitor();
    await visitor.join();
    page.fire("online");
    expect(last(FakeSocket.all).sent).toEqual([{ type: "PING" }]);
    await visitor.hear("PONG");
    await settle(10_000);
    expect(FakeSocket.all).toHaveLength(1);
    page.fire("online");
    await settle(4_500);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe("people", () => {
  test("come, change and go", async () => {
    const visitor = new Visitor();
    visitor.subscribe = "none";
    await visitor.join();
    visitor.news();
    await visitor.hear("STAGE_UPDATE", update({ joined: [person("bob")] }));
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { isPublishing: true })] }));
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { isPublishing: true, userId: "robert" })] }));
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("ada", { attributes: { role: "host" } })] }));
    await visitor.hear("STAGE_UPDATE", update({ left: ["bob", "nobody"] }));
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_JOINED bob",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED bob published",
      "STAGE_PARTICIPANT_METADATA_CHANGED bob",
      "STAGE_PARTICIPANT_METADATA_CHANGED ada",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED bob not_published",
      "STAGE_PARTICIPANT_LEFT bob",
    ]);
  });

  test("are the same object as long as they stay", async () => {
    const visitor = new Visitor();
    const seen: unknown[] = [];
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, (p) => seen.push(p));
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, (p) => seen.push(p));
    await visitor.join(person("bob"));
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { attributes: {} })] }));
    expect(seen[2]).toBe(seen[1]);
    expect(seen[1]).toMatchObject({ attributes: {} });
  });

  test("may make us leave at any news of them", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, () => visitor.stage.leave());
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { userId: "robert" })] }));
    expect(visitor.news().at(-1)).toBe("STAGE_LEFT user-initiated");
  });

  test("are not confused by what is no frame", async () => {
    const visitor = new Visitor();
    await visitor.join();
    visitor.news();
    const socket = last(FakeSocket.all);
    for (const data of [
      "",
      "[",
      "null",
      "7",
      '{"type":"NEWS"}',
      '{"type":"STAGE_UPDATE"}',
      '{"type":"STAGE_STATE"}',
      new ArrayBuffer(2),
    ]) {
      socket.onmessage?.({ data });
    }
    await visitor.hear("STAGE_UPDATE", { joined: [null, 7, { id: 7 }, { id: "eve" }], changed: "x", left: [{}] });
    expect(visitor.news()).toEqual(["STAGE_PARTICIPANT_JOINED eve"]);
  });
});

test("listeners can be taken away, and one that throws hinders nobody", async () => {
  const stage = new Stage(token(), new Visitor().strategy);
  const never = vi.fn();
  const heard = vi.fn();
  stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, never).off(StageEvents.STAGE_CONNECTION_STATE_CHANGED, never);
  stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, never).off(StageEvents.STAGE_PARTICIPANT_JOINED);
  stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, () => {
    throw new Error("mine");
  });
  stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, heard);
  void stage.join();
  await settle();
  last(FakeSocket.all).say("STAGE_STATE", state());
  expect(heard.mock.calls).toEqual([["connecting"], ["connected"]]);
  expect(never).not.toHaveBeenCalled();
  expect(reportError).toHaveBeenCalledTimes(2);
});
