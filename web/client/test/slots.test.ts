import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type RemoteStageStream, StageEvents, SubscribeType } from "../src/index.js";
import { browser, FakePeer, type FakeServer, FakeSocket, last, page, problem, settle } from "./fakes.js";
import { person, state, token, update, Visitor } from "./visitor.js";

let server: FakeServer;

beforeEach(() => {
  server = browser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const publisher = (id: string) => person(id, { isPublishing: true });

/** Joins a stage whose server has the connection for many. */
async function join(visitor: Visitor, ...others: object[]): Promise<void> {
  const joined = visitor.stage.join();
  await settle();
  last(FakeSocket.all).say("STAGE_STATE", { ...state(...others), maxSlots: 16 });
  await joined;
  await settle(100);
}

/** What the server was last told that is wanted, in short: "bob+ cy" with pictures of bob. */
const wanted = () => {
  const frames = last(FakeSocket.all).sent.filter(({ type }) => type === "SUBSCRIBE");
  const { participants } = last(frames).payload as {
    participants: { participantId: string; audio: boolean; video: boolean }[];
  };
  return participants.map(({ participantId, video }) => `${participantId}${video ? "+" : ""}`).join(" ");
};

/** Says which sections carry whom, and whose pictures wait: "0=bob 12=bob 1=cy -=cy". */
const slots = (visitor: Visitor, text: string, session = "1") =>
  visitor.hear("SLOTS", {
    session,
    slots: pairs(text, /^\d/).map(([mid, participantId]) => ({
      mid,
      participantId,
      kind: Number(mid) < 12 ? "audio" : "video",
    })),
    waiting: pairs(text, /^-/).map(([, participantId]) => ({ participantId, kind: "video" })),
  });

const pairs = (text: string, which: RegExp) =>
  text
    .split(" ")
    .filter((word) => which.test(word))
    .map((word) => word.split("="));

describe("one connection for all", () => {
  test("is made once, and carries whom the server says", async () => {
    const visitor = new Visitor();
    const tracks = new Map<string, MediaStreamTrack[]>();
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, ({ id }, streams) =>
      tracks.set(
        id,
        streams.map((stream) => stream.mediaStreamTrack),
      ),
    );
    await join(visitor, publisher("bob"), publisher("cy"));
    expect(server.of("POST").map(({ url }) => url)).toEqual(["https://live.example/whip/subscribe"]);
    const pc = last(FakePeer.all);
    expect(pc.transceivers.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual([
      ...Array<string>(12).fill("audio recvonly"),
      ...Array<string>(12).fill("video recvonly"),
    ]);
    expect(pc.localDescription?.sdp.match(/useinbandfec=1;stereo=1;sprop-stereo=1\r\n/g)).toHaveLength(12);
    expect(wanted()).toBe("bob+ cy+");
    expect(visitor.news(/SUBSCRIBE|STREAMS/)).toEqual([
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED cy attempting_subscribe",
    ]);
    await slots(visitor, "0=bob 12=bob 1=cy 13=cy");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED cy subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED cy audio+video",
    ]);
    const trackOf = (mid: number) => pc.transceivers[mid]?.receiver.track;
    expect(tracks.get("bob")).toEqual([trackOf(0), trackOf(12)]);
    expect(tracks.get("cy")).toEqual([trackOf(1), trackOf(13)]);

    await visitor.hear("STAGE_UPDATE", update({ left: ["bob"], joined: [publisher("dee")] }));
    await settle(100);
    expect(wanted()).toBe("cy+ dee+");
    expect(visitor.news(/STREAMS|SUBSCRIBE/)).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob not_subscribed",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED dee attempting_subscribe",
    ]);
    await slots(visitor, "0=dee 12=dee 1=cy 13=cy");
    expect(tracks.get("dee")).toEqual([trackOf(0), trackOf(12)]);
    expect(visitor.news(/cy/)).toEqual([]);
    expect(FakePeer.all).toHaveLength(1);
    expect(server.of("POST")).toHaveLength(1);
  });

  test("gives a participant the right track when its slot moves, and the old stream none", async () => {
    const visitor = new Visitor();
    const all: RemoteStageStream[] = [];
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (_p, streams) =>
      all.push(...(streams as RemoteStageStream[])),
    );
    await join(visitor, publisher("bob"));
    await slots(visitor, "0=bob 12=bob");
    visitor.news();
    await slots(visitor, "0=bob 15=bob");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob video",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob video",
    ]);
    expect(all[2]?.mediaStreamTrack).toBe(last(FakePeer.all).transceivers[15]?.receiver.track);
    expect(await all[1]?.requestRTCStats()).toBeUndefined();
    expect(await all[2]?.requestRTCStats()).toBeDefined();
    await slots(visitor, "");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
    ]);
  });

  test("takes pictures away and brings them", async () => {
    const visitor = new Visitor();
    await join(visitor, publisher("bob"));
    await slots(visitor, "0=bob 12=bob");
    visitor.news();
    visitor.subscribe = SubscribeType.AUDIO_ONLY;
    visitor.stage.refreshStrategy();
    await settle(100);
    expect(wanted()).toBe("bob");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio",
    ]);
    await slots(visitor, "0=bob");
    expect(visitor.news()).toEqual([]);
    visitor.subscribe = SubscribeType.AUDIO_VIDEO;
    visitor.stage.refreshStrategy();
    await settle(100);
    expect(wanted()).toBe("bob+");
    await slots(visitor, "0=bob 12=bob");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
    ]);
  });

  test("goes without a picture that there is no slot for, until there is one", async () => {
    const visitor = new Visitor();
    await join(visitor, publisher("bob"));
    visitor.news();
    await slots(visitor, "0=bob -=bob");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio",
    ]);
    await slots(visitor, "0=bob 13=bob");
    expect(visitor.news()).toEqual(["STAGE_PARTICIPANT_STREAMS_ADDED bob video"]);
  });

  test("is not mistaken for the one before", async () => {
    const visitor = new Visitor();
    await join(visitor, publisher("bob"));
    await slots(visitor, "0=bob 12=bob");
    visitor.news();
    last(FakePeer.all).become("failed");
    await settle(500);
    expect(FakePeer.all).toHaveLength(2);
    await slots(visitor, "3=bob", "1"); // of the first one
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
    ]);
    await slots(visitor, "5=bob 17=bob", "2");
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
    ]);
  });

  test("goes on over a new events socket, which is told what is wanted", async () => {
    const visitor = new Visitor();
    await join(visitor, publisher("bob"));
    await slots(visitor, "0=bob 12=bob");
    visitor.news();
    last(FakeSocket.all).drop();
    await settle(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    await visitor.hear("STAGE_STATE", { ...state(publisher("bob")), maxSlots: 16 });
    await settle(100);
    expect(wanted()).toBe("bob+");
    await slots(visitor, "0=bob 12=bob");
    expect(visitor.news(/bob/)).toEqual([]);
    expect(FakePeer.all).toHaveLength(1);
  });

  test.each([
    ["404", () => problem(404, "NOT_FOUND")],
    ["404 of a server that never heard of it", () => new Response("", { status: 404 })],
    ["405", () => new Response("", { status: 405 })],
  ])("is one for each where the server answers %s", async (_name, answer) => {
    const visitor = new Visitor();
    server.next.push(answer());
    await join(visitor, publisher("bob"), publisher("cy"));
    expect(server.of("POST").map(({ url }) => url.replace("https://live.example/whip", ""))).toEqual([
      "/subscribe",
      "/subscribe/bob",
      "/subscribe/cy",
    ]);
    expect(visitor.news(/SUBSCRIBE|STREAMS/).sort()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
      "STAGE_PARTICIPANT_STREAMS_ADDED cy audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED cy attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED cy subscribed",
    ]);
    await visitor.hear("STAGE_UPDATE", update({ joined: [publisher("dee")] }));
    expect(last(server.of("POST")).url).toMatch(/subscribe\/dee$/);
    visitor.stage.leave();
    await settle(120_000);
    expect(FakePeer.all.every((pc) => pc.connectionState === "closed")).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("fails for everybody when the server refuses it, and can be tried again", async () => {
    const visitor = new Visitor();
    server.next.push(problem(403, "TOKEN_NOT_ALLOWED"));
    await join(visitor, publisher("bob"), publisher("cy"));
    expect(visitor.errors).toMatchObject([
      { code: 8, category: "SUBSCRIBE_ERROR" },
      { code: 8, category: "SUBSCRIBE_ERROR" },
    ]);
    expect(visitor.news(/errored/)).toHaveLength(2);
    visitor.stage.refreshStrategy();
    await settle(100);
    await slots(visitor, "0=bob 12=bob 1=cy 13=cy");
    expect(visitor.news(/ subscribed/)).toHaveLength(2);
    expect(server.of("POST")).toHaveLength(2);
  });

  test("ends with the visit, and with the page", async () => {
    const visitor = new Visitor();
    await join(visitor, publisher("bob"));
    await slots(visitor, "0=bob 12=bob");
    page.fire("pagehide");
    await settle();
    expect(server.of("DELETE").map(({ keepalive }) => keepalive)).toEqual([true]);
    page.fire("pageshow");
    await settle(1_000);
    expect(FakePeer.all).toHaveLength(2);
    visitor.stage.leave();
    await settle(120_000);
    expect(server.of("DELETE")).toHaveLength(2);
    expect(FakePeer.all.map((pc) => pc.connectionState)).toEqual(["closed", "closed"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("is not made for a token that does not allow to subscribe", async () => {
    const visitor = new Visitor(token({ capabilities: { allow_publish: true } }));
    await join(visitor, publisher("bob"));
    expect(server.of("POST")).toEqual([]);
    expect(visitor.errors).toMatchObject([{ code: 8, category: "SUBSCRIBE_ERROR" }]);
  });
});
