import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Playback, type PlaybackState, canPlay } from "./playback";

const PLAYLIST = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive.m3u8";

const hls = vi.hoisted(() => {
  class FakeHls {
    static all: FakeHls[] = [];
    static isSupported = () => true;
    static Events = { ERROR: "error" };
    static ErrorTypes = { MEDIA_ERROR: "media", NETWORK_ERROR: "network" };
    static ErrorDetails = {
      MANIFEST_INCOMPATIBLE_CODECS_ERROR: "codecs",
      BUFFER_INCOMPATIBLE_CODECS_ERROR: "buffer-codecs",
      BUFFER_ADD_CODEC_ERROR: "add-codec",
    };
    latency = 1.4;
    targetLatency = 1;
    destroyed = false;
    recovered = 0;
    fail: (event: string, data: object) => void = () => undefined;
    constructor() {
      FakeHls.all.push(this);
    }
    on(_event: string, handler: (event: string, data: object) => void) {
      this.fail = handler;
    }
    loadSource() {}
    attachMedia() {}
    stopLoad() {}
    recoverMediaError() {
      this.recovered += 1;
    }
    destroy() {
      this.destroyed = true;
    }
  }
  return FakeHls;
});
vi.mock("hls.js/light", () => ({ default: hls }));

let video: HTMLVideoElement;
let states: PlaybackState[];
let player: Playback;
const fetched = vi.fn<() => Promise<Response>>();
const last = () => hls.all.at(-1)!;
const networkDown = () => last().fail("error", { fatal: true, type: "network", details: "levelLoadError" });

function moves(to: number) {
  Object.defineProperty(video, "currentTime", { value: to, configurable: true });
  video.dispatchEvent(new Event("timeupdate"));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("fetch", fetched);
  vi.spyOn(Math, "random").mockReturnValue(1);
  fetched.mockReset().mockRejectedValue(new TypeError("refused"));
  hls.all = [];
  states = [];
  video = document.createElement("video");
  Object.defineProperty(video, "paused", { value: false, configurable: true });
  player = new Playback({ video, url: "/live.m3u8", onState: (state) => states.push(state) });
});
afterEach(() => {
  player.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("playback", () => {
  it("plays once pictures move", () => {
    expect(states).toEqual([]);
    moves(0.3);
    expect(states).toEqual(["playing"]);
  });

  it("keeps the last picture and asks with growing pauses while the stream cannot be had, for ever", async () => {
    moves(1);
    networkDown();
    expect(states.at(-1)).toBe("retrying");
    await vi.advanceTimersByTimeAsync(400 + 800 + 1600 + 3200 + 5000 * 20);
    expect(fetched).toHaveBeenCalledTimes(24);
    expect(hls.all).toHaveLength(1);
    expect(last().destroyed).toBe(false);
  });

  it("rebuilds the player when the playlist is back, and plays on", async () => {
    moves(1);
    networkDown();
    fetched.mockImplementation(async () => new Response(PLAYLIST));
    await vi.advanceTimersByTimeAsync(400);
    expect(hls.all).toHaveLength(2);
    expect(hls.all[0]!.destroyed).toBe(true);
    moves(0.2);
    expect(states.at(-1)).toBe("playing");
  });

  it.each([
    ["a playlist that has ended", () => new Response("#EXTM3U\n#EXT-X-ENDLIST")],
    ["a page in the playlist's place", () => new Response("<html>")],
    ["404", () => new Response("", { status: 404 })],
  ])("does not take %s for a stream", async (_, answer) => {
    moves(1);
    networkDown();
    fetched.mockImplementation(async () => answer());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(hls.all).toHaveLength(1);
  });

  it("does not sit out a pause when told that the stream is there", async () => {
    moves(1);
    networkDown();
    await vi.advanceTimersByTimeAsync(20_000);
    fetched.mockReset().mockImplementation(async () => new Response(PLAYLIST));
    player.hurry();
    await vi.advanceTimersByTimeAsync(0);
    expect(hls.all).toHaveLength(2);
  });

  it("looks for the next stream after the end of one", async () => {
    moves(1);
    video.dispatchEvent(new Event("ended"));
    expect(states.at(-1)).toBe("ended");
    fetched.mockImplementation(async () => new Response(PLAYLIST));
    await vi.advanceTimersByTimeAsync(400);
    expect(hls.all).toHaveLength(2);
  });

  it("takes pictures that stand still for a failure, but not a pause", async () => {
    moves(1);
    await vi.advanceTimersByTimeAsync(7_500);
    expect(states.at(-1)).toBe("retrying");
  });

  it("leaves a paused player alone", async () => {
    moves(1);
    Object.defineProperty(video, "paused", { value: true, configurable: true });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(states).toEqual(["playing"]);
  });

  it("repairs a broken decoder once in place, then by a new player", async () => {
    moves(1);
    const broken = () => last().fail("error", { fatal: true, type: "media", details: "bufferStalledError" });
    broken();
    expect(last().recovered).toBe(1);
    expect(states.at(-1)).toBe("playing");
    broken();
    expect(states.at(-1)).toBe("retrying");
  });

  it("says so when the browser knows neither codec", () => {
    last().fail("error", { fatal: true, type: "media", details: "codecs" });
    expect(states).toEqual(["unsupported"]);
  });

  it("leaves nothing behind when destroyed", async () => {
    networkDown();
    player.destroy();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(fetched).not.toHaveBeenCalled();
    expect(last().destroyed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a browser's own player", () => {
  const opus = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.42c01f,opus",RESOLUTION=1280x720\nlive.m3u8';

  it("is asked whether it knows what the playlist names", () => {
    const asked = vi.spyOn(video, "canPlayType").mockImplementation((type) => (type.includes("opus") ? "" : "probably"));
    expect(canPlay(video, opus)).toBe(false);
    expect(asked).toHaveBeenCalledWith('video/mp4; codecs="avc1.42c01f,opus"');
    expect(canPlay(video, opus.replace("opus", "mp4a.40.2"))).toBe(true);
    expect(canPlay(video, PLAYLIST)).toBe(true); // nothing named, nothing refused
  });

  it("says so instead of waiting for ever for a stream that is there", async () => {
    player.destroy();
    states = [];
    vi.spyOn(hls, "isSupported").mockReturnValue(false);
    vi.spyOn(video, "canPlayType").mockImplementation((type) => (type.includes("opus") ? "" : "maybe"));
    fetched.mockImplementation(async () => new Response(opus));
    player = new Playback({ video, url: "/live.m3u8", onState: (state) => states.push(state) });
    video.dispatchEvent(new Event("error"));
    await vi.advanceTimersByTimeAsync(400);
    expect(states).toEqual(["retrying", "unsupported"]);
    fetched.mockImplementation(async () => new Response(opus.replace("opus", "mp4a.40.2")));
    await vi.advanceTimersByTimeAsync(15_000);
    expect(states.at(-1)).toBe("retrying"); // and plays when it does
  });
});
