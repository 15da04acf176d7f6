import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { WhipPublisher, type WhipState } from "../src/whip.js";
import { browser, FakePeer, type FakeServer, last, page, problem, settle, stream, track } from "./fakes.js";

let server: FakeServer;
let states: WhipState[];

beforeEach(() => {
  server = browser();
  states = [];
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const camera = () => track("video", { width: 1280, height: 720 });
const microphone = () => track("audio", { channelCount: 2 });

function publisher(own = stream(microphone(), camera()), more = {}): WhipPublisher {
  const made = new WhipPublisher({ endpoint: "https://live.example/whip", token: "sk_secret", stream: own, ...more });
  made.onstate = (state) => states.push(state);
  return made;
}

test("is live once the server takes the media", async () => {
  const limits = { maxVideoBitrateKbps: 4000, maxFramerate: 30, maxAudioBitrateKbps: 96 };
  const whip = publisher(undefined, limits);
  expect(whip.state).toBe("idle");
  const started = whip.start();
  expect(whip.start()).toBe(started);
  await settle();
  await started;
  expect(states).toEqual(["connecting", "live"]);
  const [post] = server.of("POST");
  expect(post?.url).toBe("https://live.example/whip");
  expect(post?.headers.get("Authorization")).toBe("Bearer sk_secret");
  expect(post?.headers.get("Content-Type")).toBe("application/sdp");
  const pc = last(FakePeer.all);
  const [audio, video] = pc.transceivers;
  expect(audio?.sender.parameters.encodings).toEqual([{ maxBitrate: 96_000 }]);
  expect(video?.sender.parameters.encodings).toEqual([{ maxBitrate: 4_000_000, maxFramerate: 30 }]);
  expect(video?.preferences.map(({ mimeType, sdpFmtpLine }) => sdpFmtpLine ?? mimeType)).toEqual([
    expect.stringMatching(/mode=1;profile-level-id=42e01f/),
    expect.stringMatching(/mode=1;profile-level-id=4d001f/),
    expect.stringMatching(/mode=0/),
    "video/rtx",
  ]);
  expect(audio?.preferences.map(({ mimeType }) => mimeType)).toEqual(["audio/opus"]);
  expect(pc.remoteDescription?.sdp).toContain("a=fmtp:111 minptime=10;stereo=1;sprop-stereo=1;maxaveragebitrate=96000");
  expect([...(await whip.getStats()).keys()]).toEqual(["all"]);
});

test("a server that is no lite one gets the candidates", async () => {
  server.lite = false;
  const whip = publisher();
  void whip.start();
  await settle();
  const [patch] = server.of("PATCH");
  expect(patch?.url).toBe("https://live.example/whip/sessions/1");
  expect(patch?.headers.get("If-Match")).toBe('"one"');
  expect(patch?.headers.get("Content-Type")).toBe("application/trickle-ice-sdpfrag");
  expect(patch?.body.split("\r\n")).toEqual([
    "a=ice-ufrag:abcd",
    "a=ice-pwd:secret",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "a=mid:0",
    "a=candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host",
    "a=end-of-candidates",
    "",
  ]);
});

test("a lite server is asked for nothing more", async () => {
  void publisher().start();
  await settle(5_000);
  expect(server.asked.map(({ method }) => method)).toEqual(["POST"]);
});

test("stopping ends the session on the server and leaves the tracks alone", async () => {
  const own = [microphone(), camera()];
  const whip = publisher(stream(...own));
  void whip.start();
  await settle();
  await whip.stop();
  expect(states).toEqual(["connecting", "live", "ended"]);
  const [goodbye] = server.of("DELETE");
  expect(goodbye).toMatchObject({ url: "https://live.example/whip/sessions/1", keepalive: true });
  expect(last(FakePeer.all).connectionState).toBe("closed");
  for (const one of own) expect(one.stop).not.toHaveBeenCalled();
  expect([...(await whip.getStats()).keys()]).toEqual([]);
  await settle(120_000);
  expect(server.of("POST")).toHaveLength(1);
});

test("stopping while it starts rejects, and ends the session that comes too late", async () => {
  let answer!: (response: Response) => void;
  server.next.push(new Promise((resolve) => (answer = resolve)));
  const whip = publisher();
  const started = whip.start();
  await settle();
  void whip.stop();
  await expect(started).rejects.toMatchObject({ code: "CANCELED" });
  answer(server.created("late"));
  await settle();
  expect(server.of("DELETE").map(({ url }) => url)).toEqual(["https://live.example/whip/sessions/1"]);
});

describe("what the server refuses", () => {
  test.each([
    ["its own word", () => problem(401, "TOKEN_EXPIRED"), "TOKEN_EXPIRED", "because of TOKEN_EXPIRED"],
    ["no word", () => new Response("no", { status: 403 }), "UNAUTHORIZED", "the server answered 403"],
    ["an answer that is no problem", () => new Response("[1]", { status: 422 }), "CODEC_MISMATCH", "the server answered 422"],
    ["an unknown door", () => new Response("", { status: 404 }), "NOT_FOUND", "the server answered 404"],
    ["no session", () => new Response("v=0", { status: 201 }), "FAILED", "the server named no session"],
  ])("with %s", async (_name, response, code, message) => {
    server.next.push(response());
    const whip = publisher();
    const started = whip.start();
    started.catch(() => {});
    await settle();
    await expect(started).rejects.toMatchObject({ code, message });
    expect(whip.state).toBe("failed");
    expect(whip.error).toEqual({ code, message });
    expect(server.of("POST")).toHaveLength(1);
    expect(last(FakePeer.all).connectionState).toBe("closed");
  });
});

test("tries again while the server is busy, as late as it says", async () => {
  server.next.push(problem(503, "STAGE_AT_CAPACITY", { "Retry-After": "7" }));
  const whip = publisher();
  void whip.start();
  await settle(6_900);
  expect(server.of("POST")).toHaveLength(1);
  await settle(2_000);
  expect(server.of("POST")).toHaveLength(2);
  expect(whip.state).toBe("live");
});

test("gives up a first try after a while", async () => {
  server.post = () => undefined;
  const whip = publisher();
  const started = whip.start();
  started.catch(() => {});
  await settle(20_000);
  await expect(started).rejects.toMatchObject({ code: "NETWORK" });
  expect(server.of("POST").length).toBeGreaterThan(3);
  server.post = (url) => server.created(url);
  void whip.start(); // again by hand
  await settle();
  expect(whip.state).toBe("live");
  expect(whip.error).toBeUndefined();
});

test("a server that never answers is given up by our own clock", async () => {
  server.next.push(new Promise(() => {}), new Promise(() => {}), new Promise(() => {}));
  const whip = publisher();
  const started = whip.start();
  started.catch(() => {});
  await settle(30_000);
  expect(whip.error?.code).toBe("TIMEOUT");
});

test("media that never flows is given up", async () => {
  FakePeer.connects = false;
  const whip = publisher();
  void whip.start().catch(() => {});
  await settle(45_000);
  expect(whip.state).toBe("failed");
  expect(whip.error?.code).toBe("TIMEOUT");
  expect(server.of("DELETE").length).toBe(server.of("POST").length);
});

describe("what was live is published again", () => {
  const live = async () => {
    const whip = publisher();
    void whip.start();
    await settle();
    return { whip, pc: last(FakePeer.all) };
  };

  test("when the connection fails", async () => {
    const { whip, pc } = await live();
    pc.become("failed");
    await settle();
    expect(whip.state).toBe("reconnecting");
    expect(whip.error?.code).toBe("LOST");
    await settle(400);
    expect(whip.state).toBe("live");
    expect(whip.error).toBeUndefined();
    expect(states).toEqual(["connecting", "live", "reconnecting", "live"]);
    expect(server.of("DELETE")).toHaveLength(1);
  });

  test("when it stays disconnected, but not when it comes back", async () => {
    const { whip, pc } = await live();
    pc.become("disconnected");
    await settle(1_900);
    pc.become("connected");
    await settle(10_000);
    expect(whip.state).toBe("live");
    pc.become("disconnected");
    await settle(2_100);
    expect(whip.state).toBe("reconnecting");
  });

  test("at once when the server has forgotten the session", async () => {
    const { whip, pc } = await live();
    server.get = () => new Response("", { status: 404 });
    pc.become("disconnected");
    await settle();
    expect(whip.state).toBe("reconnecting");
  });

  test("at once when the server ends it over DTLS", async () => {
    const { whip, pc } = await live();
    pc.transport.state = "closed";
    pc.transport.fire("statechange");
    await settle();
    expect(whip.state).toBe("reconnecting");
  });

  test("at once when the network is back", async () => {
    const { whip, pc } = await live();
    pc.become("disconnected");
    page.fire("online");
    await settle();
    expect(whip.state).toBe("reconnecting");
    await settle(400);
    expect(whip.state).toBe("live");
  });

  test("for a minute, and no longer", async () => {
    const { whip, pc } = await live();
    server.post = () => undefined;
    pc.become("failed");
    await settle(50_000);
    expect(whip.state).toBe("reconnecting");
    await settle(15_000);
    expect(whip.state).toBe("failed");
    expect(whip.error?.code).toBe("NETWORK");
  });

  test("without sitting out a pause when the network is back", async () => {
    const { whip, pc } = await live();
    server.post = () => undefined;
    pc.become("failed");
    await settle(40_000);
    server.post = (url) => server.created(url);
    page.fire("online");
    await settle();
    expect(whip.state).toBe("live");
  });
});

test("leaving the page says goodbye to the server", async () => {
  void publisher().start();
  await settle();
  page.fire("pagehide");
  expect(server.of("DELETE")).toMatchObject([{ url: "https://live.example/whip/sessions/1", keepalive: true }]);
});

describe("another track", () => {
  test("takes its place without a new session", async () => {
    const whip = publisher();
    void whip.start();
    await settle();
    const screen = track("video");
    await whip.replaceTrack(screen);
    expect(last(FakePeer.all).transceivers[1]?.sender.track).toBe(screen);
    await settle(10_000);
    expect(server.of("POST")).toHaveLength(1);
  });

  test("that came while connecting is sent", async () => {
    const whip = publisher();
    void whip.start();
    const screen = track("video");
    await whip.replaceTrack(screen);
    await settle();
    expect(last(FakePeer.all).transceivers[1]?.sender.track).toBe(screen);
  });

  test("of a kind that was not there needs a new session", async () => {
    const whip = publisher(stream(microphone()));
    void whip.start();
    await settle();
    await whip.replaceTrack(camera());
    await settle(1_000);
    expect(server.of("POST")).toHaveLength(2);
    expect(last(FakePeer.all).transceivers).toHaveLength(2);
    expect(whip.state).toBe("live");
  });
});

test("a stream without tracks is refused", () => {
  expect(() => publisher(stream())).toThrow(TypeError);
});

test("a listener that throws hinders nobody", async () => {
  const whip = publisher();
  whip.onstate = () => {
    throw new Error("mine");
  };
  void whip.start();
  await settle();
  expect(whip.state).toBe("live");
  expect(reportError).toHaveBeenCalled();
});

test("a browser without H.264 is told so", async () => {
  const capabilities = vi.spyOn(RTCRtpSender, "getCapabilities");
  capabilities.mockReturnValue({ codecs: [{ mimeType: "video/VP8", clockRate: 90000 }], headerExtensions: [] });
  const whip = publisher(stream(camera()));
  const started = whip.start();
  started.catch(() => {});
  await settle();
  await expect(started).rejects.toMatchObject({ code: "CODEC_MISMATCH" });
});

describe("a picture in several sizes", () => {
  const encodings = () => last(FakePeer.all).transceivers[1]?.sender.parameters.encodings;

  test.each([
    ["720p", { width: 1280, height: 720 }, ["q 4 200000", "h 2 600000", "f 1 2200000"]],
    ["1080p upright", { width: 1080, height: 1920 }, ["q 4 200000", "h 2 600000", "f 1 2200000"]],
    ["360p", { width: 640, height: 360 }, ["h 2 600000", "f 1 2400000"]],
    ["a size that is not known", {}, ["q 4 200000", "h 2 600000", "f 1 2200000"]],
    ["a stamp", { width: 320, height: 180 }, ["undefined undefined 3000000"]],
  ])("%s", async (_, size, want) => {
    void publisher(stream(microphone(), track("video", size)), {
      simulcast: true,
      maxVideoBitrateKbps: 3000,
      maxFramerate: 30,
    }).start();
    await settle();
    expect(encodings()?.map((e) => `${e.rid} ${e.scaleResolutionDownBy} ${e.maxBitrate}`)).toEqual(want);
    expect(encodings()?.every((e) => e.maxFramerate === 30)).toBe(true);
  });

  test("goes out in its own where the browser has no simulcast", async () => {
    const own = FakePeer.prototype.addTransceiver;
    vi.spyOn(FakePeer.prototype, "addTransceiver").mockImplementation(function (this: FakePeer, what, init = {}) {
      if ((init.sendEncodings?.length ?? 0) > 1) throw new TypeError("one encoding only");
      return own.call(this, what, init);
    });
    void publisher(undefined, { simulcast: true, maxVideoBitrateKbps: 3000 }).start();
    await settle();
    expect(encodings()).toEqual([{ maxBitrate: 3_000_000 }]);
    vi.restoreAllMocks();
  });

  test("goes out in its own where the server takes one", async () => {
    const whip = publisher(undefined, { simulcast: true, maxVideoBitrateKbps: 3000 });
    const own = FakePeer.prototype.addTransceiver;
    vi.spyOn(FakePeer.prototype, "addTransceiver").mockImplementation(function (this: FakePeer, what, init = {}) {
      return own.call(this, what, { ...init, sendEncodings: init.sendEncodings?.slice(0, 1) ?? [] }); // as the answer leaves it
    });
    void whip.start();
    await settle();
    expect(encodings()).toEqual([{ rid: "q", scaleResolutionDownBy: 1, maxBitrate: 3_000_000 }]);
    vi.restoreAllMocks();
  });
});
