import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LocalStageStream, LocalStageStreamEvents, RemoteStageStream, StageEvents, SubscribeType } from "../src/index.js";
import { browser, FakePeer, type FakeServer, FakeSocket, last, page, problem, settle, track } from "./fakes.js";
import { camera, microphone, person, state, token, update, Visitor } from "./visitor.js";

let server: FakeServer;

beforeEach(() => {
  server = browser();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const publishing = async (...streams: LocalStageStream[]): Promise<Visitor> => {
  const visitor = new Visitor();
  visitor.streams = streams;
  visitor.publish = true;
  await visitor.join();
  return visitor;
};

const mutes = () =>
  FakeSocket.all.flatMap(({ sent }) => sent.filter(({ type }) => type === "MUTE")).map(({ payload }) => payload);

const senders = () => last(FakePeer.all).transceivers.map(({ sender }) => sender);

describe("publishing", () => {
  test("tells its states and streams in order, over one session", async () => {
    const visitor = await publishing(camera({ maxVideoBitrateKbps: 900, maxFramerate: 24 }), microphone());
    expect(visitor.news(/ada/)).toEqual([
      "STAGE_PARTICIPANT_JOINED ada",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada attempting_publish",
      "STAGE_PARTICIPANT_STREAMS_ADDED ada audio+video",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada published",
    ]);
    const [post] = server.of("POST");
    expect(post?.url).toBe("https://live.example/whip");
    expect(post?.headers.get("Authorization")).toBe(`Bearer ${token()}`);
    const pc = last(FakePeer.all);
    expect(pc.transceivers.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual(["audio sendonly", "video sendonly"]);
    expect(senders().map(({ parameters }) => parameters.encodings[0])).toEqual([
      { maxBitrate: 64_000 },
      { maxBitrate: 900_000, maxFramerate: 24, scaleResolutionDownBy: 1 },
    ]);
    expect(pc.remoteDescription?.sdp).toContain("a=fmtp:111 minptime=10;maxaveragebitrate=64000\r\n");
  });

  test("tells nobody and does nothing when it is not wanted", async () => {
    const visitor = await publishing();
    visitor.publish = false;
    visitor.streams = [camera()];
    visitor.stage.refreshStrategy();
    await settle();
    expect(server.asked).toEqual([]);
    expect(visitor.news(/PUBLISH|STREAMS/)).toEqual([]);
  });

  test("is not tried without the capability", async () => {
    const visitor = new Visitor(token({ capabilities: { allow_subscribe: true } }));
    visitor.streams = [camera()];
    visitor.publish = true;
    await visitor.join();
    expect(visitor.errors).toMatchObject([{ code: 8, category: "PUBLISH_ERROR" }]);
    expect(visitor.news(/PUBLISH/)).toEqual(["STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada errored"]);
    expect(server.asked).toEqual([]);
  });

  test("changes tracks without a new session", async () => {
    const [first, second, sound] = [camera(), camera({ maxVideoBitrateKbps: 300 }), microphone()];
    const visitor = await publishing(first, sound);
    visitor.news();
    visitor.streams = [second, sound];
    visitor.stage.refreshStrategy();
    await settle();
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED ada video",
      "STAGE_PARTICIPANT_STREAMS_ADDED ada video",
    ]);
    expect(senders()[1]?.track).toBe(second.mediaStreamTrack);
    expect(senders()[1]?.parameters.encodings[0]).toMatchObject({ maxBitrate: 300_000 });
    visitor.streams = [sound];
    visitor.stage.refreshStrategy();
    await settle(200);
    expect(senders()[1]?.track).toBe(null);
    expect(mutes().at(-1)).toEqual({ audioMuted: false, videoStopped: true });
    visitor.streams = [first, sound];
    visitor.stage.refreshStrategy();
    await settle(200);
    expect(senders()[1]?.track).toBe(first.mediaStreamTrack);
    expect(mutes().at(-1)).toEqual({ audioMuted: false, videoStopped: false });
    expect(server.asked).toHaveLength(1);
  });

  test("begins and ends as the strategy says", async () => {
    const visitor = await publishing(camera());
    visitor.publish = false;
    visitor.stage.refreshStrategy();
    await settle();
    expect(server.of("DELETE")).toHaveLength(1);
    visitor.news();
    const other = camera();
    visitor.stage.replaceStrategy({
      ...visitor.strategy,
      shouldPublishParticipant: ({ isLocal }) => isLocal,
      stageStreamsToPublish: () => [other],
    });
    await settle();
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada attempting_publish",
      "STAGE_PARTICIPANT_STREAMS_ADDED ada video",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada published",
    ]);
    expect(senders()[1]?.track).toBe(other.mediaStreamTrack);
  });

  test("in stereo needs the server's answer to say so, and a new session when that changes", async () => {
    const visitor = await publishing(microphone({ stereo: true, maxAudioBitrateKbps: 128 }));
    expect(last(FakePeer.all).remoteDescription?.sdp).toContain("stereo=1;sprop-stereo=1;maxaveragebitrate=128000");
    visitor.streams = [microphone()];
    visitor.stage.refreshStrategy();
    await settle(400);
    expect(server.of("POST")).toHaveLength(2);
    expect(last(FakePeer.all).remoteDescription?.sdp).not.toContain("stereo=1");
  });

  test("scales larger pictures down to what a stage takes", async () => {
    await publishing(new LocalStageStream(track("video", { width: 1080, height: 1920 })));
    expect(senders()[1]?.parameters.encodings[0]?.scaleResolutionDownBy).toBe(1.5);
  });

  test.each([
    ["TOKEN_EXPIRED", 401, 2],
    ["TOKEN_NOT_ALLOWED", 403, 8],
    ["PARTICIPANT_DISCONNECTED", 403, 10],
    ["STAGE_DELETED", 404, 9],
    ["CODEC_MISMATCH", 422, 7],
  ])("that is refused with %s is an error, and tried again when asked to", async (code, status, number) => {
    server.next.push(problem(status, code));
    const visitor = await publishing(camera());
    expect(visitor.errors).toMatchObject([{ name: "StageError", code: number, category: "PUBLISH_ERROR" }]);
    expect(visitor.news(/PUBLISH/).at(-1)).toBe("STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada errored");
    await visitor.hear("STAGE_UPDATE", update({ joined: [person("bob")] }));
    await settle(60_000);
    expect(server.of("POST")).toHaveLength(1);
    visitor.stage.refreshStrategy();
    await settle();
    expect(visitor.news(/PUBLISH/).at(-1)).toBe("STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada published");
  });

  test("that breaks is begun again", async () => {
    const visitor = await publishing(camera());
    visitor.news();
    last(FakePeer.all).become("failed");
    await settle(400);
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada attempting_publish",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED ada published",
    ]);
    expect(server.of("POST")).toHaveLength(2);
    expect(FakePeer.all[0]?.connectionState).toBe("closed");
  });

  test("is begun again at once when the network came back", async () => {
    await publishing(camera());
    last(FakePeer.all).become("disconnected");
    page.fire("online");
    await settle(400);
    expect(server.of("POST")).toHaveLength(2);
  });

  test("says goodbye when the page is left", async () => {
    const visitor = new Visitor();
    visitor.streams = [camera()];
    visitor.publish = true;
    await visitor.join(person("bob", { isPublishing: true }));
    page.fire("pagehide");
    expect(server.of("DELETE").map(({ keepalive }) => keepalive)).toEqual([true, true]);
  });

  test("survives a strategy that throws", async () => {
    const visitor = await publishing(camera());
    const { strategy } = visitor;
    visitor.stage.replaceStrategy({
      ...strategy,
      stageStreamsToPublish: () => [][0]!,
      shouldSubscribeToParticipant: () => SubscribeType.NONE,
    });
    expect(reportError).toHaveBeenCalled();
    expect(server.of("DELETE")).toHaveLength(0);
  });
});

describe("muting", () => {
  test("of sound sends silence, of pictures sends nothing; everybody is told", async () => {
    const [video, audio] = [camera(), microphone()];
    const visitor = await publishing(video, audio);
    const changed = vi.fn();
    video.on(LocalStageStreamEvents.LOCAL_STREAM_MUTED_CHANGED, changed);
    visitor.news();
    video.setMuted(true);
    audio.setMuted(true);
    audio.setMuted(true);
    await settle(10);
    expect(visitor.news()).toEqual(["STAGE_STREAM_MUTE_CHANGED ada video muted", "STAGE_STREAM_MUTE_CHANGED ada audio muted"]);
    expect(changed.mock.calls).toEqual([[true]]);
    expect(mutes()).toEqual([{ audioMuted: true, videoStopped: true }]);
    expect(senders().map(({ track: sent }) => sent?.kind)).toEqual(["audio", undefined]);
    expect([video, audio].map(({ mediaStreamTrack, isMuted }) => [mediaStreamTrack.enabled, isMuted])).toEqual([
      [false, true],
      [false, true],
    ]);
    video.setMuted(false);
    audio.setMuted(false);
    await settle(100);
    expect(mutes()).toHaveLength(2);
    expect(senders().map(({ track: sent }) => sent?.enabled)).toEqual([true, true]);
    expect(changed).toHaveBeenLastCalledWith(false);
  });

  test("before publishing is told as well, and on a new socket again", async () => {
    const [video, audio] = [camera(), microphone()];
    audio.setMuted(true);
    await publishing(video, audio);
    await settle(10);
    expect(mutes()).toEqual([{ audioMuted: true, videoStopped: false }]);
    last(FakeSocket.all).drop();
    await settle(400);
    last(FakeSocket.all).say("STAGE_STATE", state());
    await settle(200);
    expect(mutes()).toHaveLength(2);
  });

  test("wildly does not flood the socket", async () => {
    const audio = microphone();
    await publishing(audio, camera());
    for (let i = 0; i < 101; i += 1) {
      audio.setMuted(i % 2 === 0);
      await settle(10);
    }
    await settle(200);
    expect(mutes().length).toBeLessThanOrEqual(12);
    expect(mutes().at(-1)).toEqual({ audioMuted: true, videoStopped: false });
  });

  test("a stream that is no longer published tells nobody", async () => {
    const audio = microphone();
    const visitor = await publishing(audio);
    visitor.streams = [];
    visitor.stage.refreshStrategy();
    visitor.news();
    audio.setMuted(true);
    expect(visitor.news()).toEqual([]);
  });
});

describe("subscribing", () => {
  test("tells its states and streams in order, over a session per participant", async () => {
    const visitor = new Visitor();
    let streams: RemoteStageStream[] = [];
    visitor.stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (_p, added) => (streams = added as RemoteStageStream[]));
    await visitor.join(person("bo/b", { isPublishing: true, videoStopped: true }));
    expect(visitor.news(/bo/)).toEqual([
      "STAGE_PARTICIPANT_JOINED bo/b",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED bo/b published",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bo/b attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bo/b subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bo/b audio+video",
    ]);
    expect(server.of("POST").map(({ url }) => url)).toEqual(["https://live.example/whip/subscribe/bo%2Fb"]);
    const pc = last(FakePeer.all);
    expect(pc.transceivers.map(({ kind, direction }) => `${kind} ${direction}`)).toEqual(["audio recvonly", "video recvonly"]);
    expect(pc.transceivers[1]?.preferences.every(({ mimeType }) => /h264|rtx/i.test(mimeType))).toBe(true);
    expect(pc.localDescription?.sdp).toContain("a=fmtp:111 minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1");
    const [audio, video] = streams;
    expect(audio).toBeInstanceOf(RemoteStageStream);
    expect(audio).toMatchObject({ streamType: "audio", isMuted: false, participantInfo: { id: "bo/b" } });
    expect(video).toMatchObject({ streamType: "video", isMuted: true });
    expect(video?.mediaStreamTrack).toBe(pc.transceivers[1]?.receiver.track);
    expect(video?.id).toBe(video?.mediaStreamTrack.id);
    expect([...((await video?.requestRTCStats())?.keys() ?? [])]).toEqual(["received"]);
    expect([...((await video?.getStats())?.keys() ?? [])]).toEqual(["received"]);
    const got = { type: "inbound-rtp", kind: "video", ssrc: 9, packetsReceived: 100, framesDecoded: 30 };
    const { receiver } = pc.transceivers[1]!;
    vi.spyOn(receiver, "getStats").mockResolvedValue(new Map([["in", got]]) as unknown as RTCStatsReport);
    expect(await (video as RemoteStageStream).requestQualityStats()).toMatchObject({
      ssrc: 9,
      framesDecoded: 30,
      networkQuality: 4,
    });
  });

  test("follows what the participant mutes", async () => {
    const visitor = new Visitor();
    const bob = { isPublishing: true };
    await visitor.join(person("bob", bob));
    visitor.news();
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { ...bob, videoStopped: true })] }));
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { ...bob, audioMuted: true })] }));
    expect(visitor.news()).toEqual([
      "STAGE_STREAM_MUTE_CHANGED bob video muted",
      "STAGE_STREAM_MUTE_CHANGED bob audio muted",
      "STAGE_STREAM_MUTE_CHANGED bob video heard",
    ]);
    expect(server.of("POST")).toHaveLength(1);
  });

  test("to sound alone asks for no pictures, and can change", async () => {
    const visitor = new Visitor();
    visitor.subscribe = SubscribeType.AUDIO_ONLY;
    await visitor.join(person("bob", { isPublishing: true }));
    expect(last(FakePeer.all).transceivers.map(({ kind }) => kind)).toEqual(["audio"]);
    visitor.news();
    visitor.subscribe = SubscribeType.AUDIO_VIDEO;
    visitor.stage.refreshStrategy();
    await settle();
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
    ]);
    visitor.subscribe = SubscribeType.NONE;
    visitor.stage.refreshStrategy();
    await settle();
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob not_subscribed",
    ]);
    expect(server.of("DELETE")).toHaveLength(2);
    visitor.subscribe = "everything";
    visitor.stage.refreshStrategy();
    await settle();
    expect(server.of("POST")).toHaveLength(2);
  });

  test("is not asked of somebody who does not publish", async () => {
    const visitor = new Visitor();
    const asked = vi.spyOn(visitor.strategy, "shouldSubscribeToParticipant");
    await visitor.join(person("bob"));
    expect(asked).not.toHaveBeenCalled();
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { isPublishing: true })] }));
    expect(asked).toHaveBeenCalledWith(expect.objectContaining({ id: "bob" }));
    expect(visitor.news(/SUBSCRIBE/).at(-1)).toMatch(/subscribed/);
  });

  test("is not tried without the capability", async () => {
    const visitor = new Visitor(token({ capabilities: { allow_publish: true } }));
    await visitor.join(person("bob", { isPublishing: true }));
    expect(visitor.errors).toMatchObject([{ code: 8, category: "SUBSCRIBE_ERROR" }]);
    expect(visitor.news(/SUBSCRIBE/)).toEqual(["STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob errored"]);
    expect(server.asked).toEqual([]);
  });

  test("gives only what the server sends", async () => {
    server.next.push(
      new Response("v=0\r\na=ice-lite\r\nm=audio 1\r\na=sendonly\r\nm=video 0\r\na=inactive\r\n", {
        status: 201,
        headers: { Location: "/s/1" },
      }),
    );
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    expect(visitor.news(/STREAMS/)).toEqual(["STAGE_PARTICIPANT_STREAMS_ADDED bob audio"]);
  });

  test("asks again while the participant is said to publish", async () => {
    server.post = () => problem(409, "NOT_PUBLISHING", { "Retry-After": "1" });
    const visitor = new Visitor();
    const bob = person("bob", { isPublishing: true });
    await visitor.join(bob);
    for (let i = 0; i < 6; i += 1) {
      await settle(20_000);
      await visitor.hear("PING");
    }
    const asked = server.of("POST").length;
    expect(asked).toBeGreaterThan(90); // as often as the server says
    expect(asked).toBeLessThanOrEqual(121);
    expect(visitor.errors).toEqual([]);
    server.post = (url) => server.created(url);
    await visitor.hear("STAGE_UPDATE", update({ changed: [bob] })); // there is news of bob: no pause is sat out
    expect(visitor.news(/SUBSCRIBE/).at(-1)).toBe("STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed");
  });

  test("ends when the participant publishes no more, and comes back with them", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    visitor.news();
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob")] }));
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob not_subscribed",
      "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED bob not_published",
    ]);
    await settle(20_000);
    expect(server.of("POST")).toHaveLength(1);
    await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob", { isPublishing: true })] }));
    expect(visitor.news().at(-1)).toBe("STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video");
  });

  test("that breaks is begun again", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    visitor.news();
    const pc = last(FakePeer.all);
    pc.transport.state = "closed";
    pc.transport.fire("statechange");
    await settle(400);
    expect(visitor.news()).toEqual([
      "STAGE_PARTICIPANT_STREAMS_REMOVED bob audio+video",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob attempting_subscribe",
      "STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed",
      "STAGE_PARTICIPANT_STREAMS_ADDED bob audio+video",
    ]);
  });

  test("is begun again at once when the network came back", async () => {
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    last(FakePeer.all).become("disconnected");
    page.fire("online");
    await settle(400);
    expect(server.of("POST")).toHaveLength(2);
  });

  test("that is refused is an error, and tried again when asked to", async () => {
    server.next.push(problem(403, "TOKEN_NOT_ALLOWED"));
    const visitor = new Visitor();
    await visitor.join(person("bob", { isPublishing: true }));
    await visitor.hear("STAGE_UPDATE", update({ joined: [person("cy")] }));
    await settle(60_000);
    expect(visitor.errors).toMatchObject([{ code: 8, category: "SUBSCRIBE_ERROR" }]);
    expect(server.of("POST")).toHaveLength(1);
    visitor.stage.refreshStrategy();
    await settle();
    expect(visitor.news(/SUBSCRIBE/).at(-1)).toBe("STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED bob subscribed");
  });

  test("to many joins a few at a time", async () => {
    const waiting: (() => void)[] = [];
    const people = Array.from({ length: 11 }, (_, i) => person(`p${i}`, { isPublishing: true }));
    for (const { id } of people) {
      server.next.push(new Promise((resolve) => waiting.push(() => resolve(server.created(`/subscribe/${id}`)))));
    }
    const visitor = new Visitor();
    await visitor.join(...people);
    expect(server.of("POST")).toHaveLength(4);
    waiting.shift()?.();
    await settle();
    expect(server.of("POST")).toHaveLength(5);
    await visitor.hear("STAGE_UPDATE", update({ left: ["p10"] })); // leaves the line again
    for (const go of waiting) {
      go();
      await settle();
    }
    expect(server.of("POST")).toHaveLength(10);
    expect(visitor.news(/STREAMS_ADDED/)).toHaveLength(10);
  });
});

describe("a local stream", () => {
  test("has the statistics of its sender while it is published", async () => {
    const video = camera();
    expect(await video.requestRTCStats()).toBeUndefined();
    const visitor = await publishing(video);
    expect([...((await video.requestRTCStats())?.keys() ?? [])]).toEqual(["sent"]);
    expect([...((await video.getStats())?.keys() ?? [])]).toEqual(["sent"]);
    const sent = { type: "outbound-rtp", kind: "video", ssrc: 7, packetsSent: 100, framesEncoded: 30 };
    vi.spyOn(senders()[1]!, "getStats").mockResolvedValue(new Map([["out", sent]]) as unknown as RTCStatsReport);
    expect(await video.requestQualityStats()).toMatchObject([
      { ssrc: 7, packetsSent: 100, framesEncoded: 30, networkQuality: 4 },
    ]);
    visitor.stage.leave();
    expect(await video.requestRTCStats()).toBeUndefined();
    expect(await video.requestQualityStats()).toBeUndefined();
  });

  test("knows what it is", () => {
    const own = track("audio");
    const stream = new LocalStageStream(own);
    expect(stream).toMatchObject({ id: own.id, streamType: "audio", mediaStreamTrack: own, isMuted: false });
    own.enabled = false;
    expect(new LocalStageStream(own).isMuted).toBe(true);
  });

  test.each([
    ["video", { maxVideoBitrateKbps: 49 }, "maxVideoBitrateKbps must be 50 to 2500, not 49"],
    ["video", { maxVideoBitrateKbps: 2501 }, "maxVideoBitrateKbps must be 50 to 2500, not 2501"],
    ["video", { maxBitrate: 9000 }, "maxBitrate must be 50 to 2500, not 9000"],
    ["video", { maxFramerate: 9 }, "maxFramerate must be 10 to 30, not 9"],
    ["video", { maxFramerate: 60 }, "maxFramerate must be 10 to 30, not 60"],
    ["audio", { maxAudioBitrateKbps: 11 }, "maxAudioBitrateKbps must be 12 to 128, not 11"],
    ["audio", { maxAudioBitrateKbps: NaN }, "maxAudioBitrateKbps must be 12 to 128, not NaN"],
  ] as const)("of %s refuses %o", (kind, configuration, message) => {
    expect(() => new LocalStageStream(track(kind), configuration)).toThrow(new RangeError(message));
  });

  test("takes limits at their ends, and the older name", async () => {
    await publishing(camera({ maxBitrate: 50, maxFramerate: 10 }), microphone({ maxAudioBitrateKbps: 12 }));
    expect(senders().map(({ parameters }) => parameters.encodings[0])).toMatchObject([
      { maxBitrate: 12_000 },
      { maxBitrate: 50_000, maxFramerate: 10 },
    ]);
  });
});
