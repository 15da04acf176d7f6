import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import * as names from "../src/index.js";
import type { SimulcastConfiguration, StageVideoConfiguration } from "../src/index.js";
import { LocalStageStream, SimulcastLayerPresets } from "../src/index.js";
import { browser, FakePeer, FakeSender, type FakeServer, last, settle, track } from "./fakes.js";
import { Visitor } from "./visitor.js";

let server: FakeServer;

beforeEach(() => void (server = browser()));

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const HD = { width: 1280, height: 720, frameRate: 30 };
const layer = { maxBitrateKbps: 500, maxFramerate: 20, width: 640, height: 360 };
const { DEFAULT_720, DEFAULT_360, DEFAULT_180 } = SimulcastLayerPresets;

const pictures = (configuration: StageVideoConfiguration, settings: MediaTrackSettings = HD) =>
  new LocalStageStream(track("video", settings), configuration);
const divided = (simulcast: SimulcastConfiguration = { enabled: true }, more: StageVideoConfiguration = {}, settings = HD) =>
  pictures({ simulcast, ...more }, settings);

async function publishing(...streams: LocalStageStream[]): Promise<Visitor> {
  const visitor = new Visitor();
  visitor.streams = streams;
  visitor.publish = true;
  await visitor.join();
  return visitor;
}

const sender = () => last(FakePeer.all).transceivers.find(({ kind }) => kind === "video")!.sender;
const sizes = () =>
  sender().parameters.encodings.map(({ rid, maxBitrate, maxFramerate, scaleResolutionDownBy, active = true }) =>
    [rid, active ? [scaleResolutionDownBy, maxBitrate! / 1000, maxFramerate] : "rests"].flat().join(" "),
  );

describe("a simulcast configuration is refused", () => {
  const named = Object.entries(names).filter(([name]) => name.startsWith("SIMULCAST_"));

  test("by one of fourteen objects", () => {
    expect(named).toHaveLength(14);
    for (const [name, value] of named) expect(value).toEqual({ name, code: expect.any(Number), message: expect.any(String) });
    expect(new Set(named.map(([, { code }]: [string, any]) => code)).size).toBe(14);
  });

  const refused = (error: { name: string; code: number; message: string }, details: string, make: () => unknown) => {
    let thrown: unknown;
    try {
      make();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(RangeError);
    expect({ ...(thrown as object), message: (thrown as Error).message }).toEqual({ ...error, details });
  };

  test.each([
    ["LAYER_INVALID_TYPE", { width: undefined }],
    ["LAYER_INVALID_TYPE", { maxFramerate: NaN }],
    ["LAYER_INVALID_TYPE", { maxBitrateKbps: "500" }],
    ["MAX_LAYER_BITRATE_EXCEEDED", { maxBitrateKbps: 2501 }],
    ["MIN_LAYER_BITRATE_EXCEEDED", { maxBitrateKbps: 49 }],
    ["MAX_LAYER_FRAMERATE_EXCEEDED", { maxFramerate: 31 }],
    ["MIN_LAYER_FRAMERATE_EXCEEDED", { maxFramerate: 9 }],
    ["MAX_LAYER_DIMENSIONS_EXCEEDED", { width: 1281 }],
    ["MIN_LAYER_DIMENSIONS_EXCEEDED", { height: 159 }],
    ["LAYER_CONFIGURATION_CONFLICT", { maxBitrateKbps: 1001 }],
    ["LAYER_CONFIGURATION_CONFLICT", { maxFramerate: 26 }],
    ["LAYER_ORIENTATION_MISMATCH", { width: 360, height: 640 }],
  ])("with SIMULCAST_%s for %o", (name, change) => {
    const error = (names as unknown as Record<string, typeof names.SIMULCAST_UNSUPPORTED>)[`SIMULCAST_${name}`]!;
    const layers = [DEFAULT_180, { ...layer, ...change } as typeof layer];
    const whole = { maxVideoBitrateKbps: 1000, maxFramerate: 25 };
    refused(error, "layers[1]", () => divided({ enabled: true, layers }, whole));
    expect(divided({ enabled: false, layers }, whole).streamType).toBe("video");
  });

  test("for what the track does not bring", () => {
    const layers = [DEFAULT_720];
    const from = (settings: MediaTrackSettings) => () => divided({ enabled: true, layers }, {}, settings as typeof HD);
    refused(names.SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT, "layers[0]", from({ width: 960, height: 540 }));
    refused(names.SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT, "layers[0]", from({ ...HD, frameRate: 25 }));
    refused(names.SIMULCAST_LAYER_ORIENTATION_MISMATCH, "layers[0]", from({ width: 720, height: 1280 }));
    expect(from({ ...HD, frameRate: 29.97 })().streamType).toBe("video");
    expect(from({ width: 960, height: 720 })().streamType).toBe("video");
    expect(from({})().streamType).toBe("video"); // nothing is known of it yet
  });

  test("for what is none, for too many layers, twins and different shapes", () => {
    const { SIMULCAST_LAYER_INVALID_TYPE: type } = names;
    refused(type, "simulcast", () => divided("yes" as SimulcastConfiguration));
    refused(type, "simulcast", () => divided({ enabled: 1 } as unknown as SimulcastConfiguration));
    refused(type, "simulcast", () => divided({ enabled: true, layers: {} } as unknown as SimulcastConfiguration));
    refused(type, "layers[0]", () => divided({ enabled: true, layers: [undefined as unknown as typeof layer] }));
    const four = [DEFAULT_720, DEFAULT_360, DEFAULT_180, layer];
    refused(names.SIMULCAST_MAX_LAYERS_EXCEEDED, "4 layers", () => divided({ enabled: true, layers: four }));
    const twins = [layer, DEFAULT_180, { ...layer }];
    refused(names.SIMULCAST_DUPLICATE_LAYERS_CONFIGURED, "layers", () => divided({ enabled: true, layers: twins }));
    const shapes = [DEFAULT_180, { ...layer, height: 480 }];
    refused(names.SIMULCAST_LAYER_ORIENTATION_MISMATCH, "layers", () => divided({ enabled: true, layers: shapes }));
  });

  test("but a stream of sound has none", () => {
    const own = new LocalStageStream(track("audio"), { simulcast: { enabled: true, layers: [layer, layer] } });
    expect(own.streamType).toBe("audio");
  });
});

test("the presets are layers of 16:9, and cannot be changed", () => {
  for (const [name, preset] of Object.entries(SimulcastLayerPresets)) {
    expect(name).toBe(`DEFAULT_${preset.height}`);
    expect(preset.width / preset.height).toBeCloseTo(16 / 9, 1);
    expect(Object.isFrozen(preset)).toBe(true);
    expect(divided({ enabled: true, layers: [preset] }).picture?.layers).toEqual([preset]);
  }
  expect(Object.keys(SimulcastLayerPresets)).toHaveLength(7);
});

describe("a picture is published", () => {
  test("in one size when nothing else is said", async () => {
    await publishing(pictures({ maxVideoBitrateKbps: 2000 }));
    expect(sizes()).toEqual([" 1 2000 30"]);
    expect(last(FakePeer.all).remoteDescription?.sdp).not.toContain("x-google-start-bitrate");
  });

  test.each([
    [HD, {}, ["q 4 200 15", "h 2 700 20", "f 1 2500 30"]],
    [
      { width: 720, height: 1280 },
      { maxVideoBitrateKbps: 1500, maxFramerate: 15 },
      ["q 4 200 15", "h 2 700 15", "f 1 1500 15"],
    ],
    [{ width: 1920, height: 1080 }, {}, ["q 6 200 15", "h 3 700 20", "f 1.5 2500 30"]],
    [{ width: 960, height: 540 }, {}, ["h 3 200 15", "f 1 2500 30"]],
    [{ width: 640, height: 360 }, {}, ["h 2 200 15", "f 1 2500 30"]],
    [{ width: 480, height: 270 }, {}, [" 1 2500 30"]],
    [{}, {}, ["q 4 200 15", "h 2 700 20", "f 1 2500 30"]],
  ])("in those that suit %o with %o", async (settings, more, want) => {
    const warned = vi.spyOn(console, "warn");
    await publishing(divided({ enabled: true }, more, settings as typeof HD));
    expect(sizes()).toEqual(want);
    expect(warned).not.toHaveBeenCalled();
  });

  test("in those that are named, the smallest first", async () => {
    const layers = [DEFAULT_720, DEFAULT_360, DEFAULT_180];
    await publishing(divided({ enabled: true, layers }));
    expect(sizes()).toEqual(["q 4 200 15", "h 2 700 20", "f 1 1700 30"]);
    await publishing(divided({ enabled: true, layers: [layer] }, {}, { width: 640, height: 480, frameRate: 30 }));
    expect(sizes()).toEqual([`${4 / 3} 500 20`].map((size) => ` ${size}`));
    await publishing(divided({ enabled: true, layers: [DEFAULT_360, DEFAULT_180] }, {}, {} as typeof HD));
    expect(sizes()).toEqual(["h 2 200 15", "f 1 700 20"]);
  });

  test("in several with a start bitrate, so that all of them come at once", async () => {
    server.post = (url) => {
      const answer = server.created(url);
      return new Response("v=0\r\na=ice-lite\r\nm=video 1\r\na=rtpmap:108 H264/90000\r\na=fmtp:108 x=1\r\n", answer);
    };
    await publishing(divided({ enabled: true }, { maxVideoBitrateKbps: 1500 }));
    expect(last(FakePeer.all).remoteDescription?.sdp).toContain("a=fmtp:108 x=1;x-google-start-bitrate=1500");
    await publishing(divided());
    expect(last(FakePeer.all).remoteDescription?.sdp).toContain("a=fmtp:108 x=1;x-google-start-bitrate=2200");
  });

  test("in one size below 700 kbit/s, and says so once", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const own = divided({ enabled: true }, { maxVideoBitrateKbps: 699 });
    await publishing(own);
    expect(sizes()).toEqual([" 1 699 30"]);
    own.setMuted(true);
    await settle(200);
    expect(warned.mock.calls).toEqual([[names.SIMULCAST_UNSUPPORTED]]);
  });

  test("whole where the server takes one size, and says so", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const parameters = FakeSender.prototype.getParameters;
    vi.spyOn(FakeSender.prototype, "getParameters").mockImplementation(function (this: FakeSender) {
      const all = parameters.call(this);
      return { ...all, encodings: all.encodings.slice(0, 1) };
    });
    await publishing(divided());
    expect(sizes()).toEqual(["q 1 2500 30"]);
    expect(warned.mock.calls).toEqual([[names.SIMULCAST_UNSUPPORTED]]);
  });

  test("whole where the browser sends one size", async () => {
    const warned = vi.spyOn(console, "warn").mockReturnValue();
    const add = FakePeer.prototype.addTransceiver;
    vi.spyOn(FakePeer.prototype, "addTransceiver").mockImplementation(function (this: FakePeer, what, init) {
      if ((init?.sendEncodings?.length ?? 0) > 1) throw new DOMException("no", "OperationError");
      return add.call(this, what, init);
    });
    await publishing(divided());
    expect(sizes()).toEqual([" 1 2500 30"]);
    expect(warned).toHaveBeenCalledTimes(1);
  });

  test("in more sizes by another session, in fewer by the same", async () => {
    const [one, three] = [pictures({}), divided()];
    const visitor = await publishing(one);
    const show = async (stream: LocalStageStream) => {
      visitor.streams = [stream];
      visitor.stage.refreshStrategy();
      await settle(500);
    };
    await show(three);
    expect(server.of("POST")).toHaveLength(2);
    expect(sizes()).toEqual(["q 4 200 15", "h 2 700 20", "f 1 2500 30"]);
    await show(one);
    expect(sizes()).toEqual(["q rests", "h rests", "f 1 2500 30"]);
    await show(three);
    expect(sizes()).toEqual(["q 4 200 15", "h 2 700 20", "f 1 2500 30"]);
    expect(server.of("POST")).toHaveLength(2);
  });

  test("in the sizes that are wanted when the session is open, not when it was begun", async () => {
    let answer!: () => void;
    server.next.push(new Promise((done) => (answer = () => done(server.created("/whip")))));
    const visitor = await publishing(pictures({}));
    visitor.streams = [divided()];
    visitor.stage.refreshStrategy();
    answer();
    await settle(500);
    expect(sizes()).toEqual(["q 4 200 15", "h 2 700 20", "f 1 2500 30"]);
    expect(server.of("POST")).toHaveLength(2);
  });
});
