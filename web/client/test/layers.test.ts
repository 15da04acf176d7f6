import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  InitialLayerPreference,
  type RemoteStageStream,
  RemoteStageStreamEvents,
  StageEvents,
  type StageStreamLayer,
  StageStreamLayerSelectedReason,
  SubscribeType,
} from "../src/index.js";
import { browser, FakeSocket, last, settle } from "./fakes.js";
import { person, state, update, Visitor } from "./visitor.js";

beforeEach(() => void browser());

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const layer = (label: string, width: number, height: number, bitrateBps: number) => ({
  label,
  width,
  height,
  bitrateBps,
  framesPerSecond: 30,
});
const Q = layer("q", 320, 180, 120_000);
const H = layer("h", 640, 360, 500_000);
const F = layer("f", 1280, 720, 1_500_000);

const publisher = (id: string) => person(id, { isPublishing: true });

/** A visitor to bob, and perhaps to cy, who writes down what is told of layers. */
class Watcher extends Visitor {
  readonly events: string[] = [];
  readonly streams_ = new Map<string, RemoteStageStream>();

  constructor() {
    super();
    const list = (layers: StageStreamLayer[]) => layers.map(({ label, selected }) => label + (selected ? "*" : "")).join("");
    this.stage.on(StageEvents.STAGE_STREAM_LAYERS_CHANGED, ({ id }, stream, layers) => {
      expect(stream).toBe(this.video(id));
      this.events.push(`${id} layers ${list(layers)}`);
    });
    this.stage.on(StageEvents.STAGE_STREAM_LAYER_SELECTED, ({ id }, stream, one, reason) => {
      expect(stream).toBe(this.video(id));
      expect(one).toEqual(stream.getSelectedLayer());
      this.events.push(`${id} selected ${one.label} ${reason}`);
    });
    this.stage.on(StageEvents.STAGE_STREAM_ADAPTION_CHANGED, ({ id }, stream, adapting) => {
      expect(stream).toBe(this.video(id));
      expect(stream.isAdapting).toBe(adapting);
      this.events.push(`${id} adapting ${adapting}`);
    });
    this.stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, ({ id }, streams) => {
      for (const one of streams as RemoteStageStream[]) {
        this.streams_.set(`${id} ${one.streamType}`, one);
        one.on(RemoteStageStreamEvents.LAYERS_CHANGED, (layers) => this.events.push(`- layers ${list(layers)}`));
        one.on(RemoteStageStreamEvents.LAYER_SELECTED, (next, why) => this.events.push(`- selected ${next.label} ${why}`));
        one.on(RemoteStageStreamEvents.ADAPTION_CHANGED, (adapting) => this.events.push(`- adapting ${adapting}`));
      }
    });
  }

  video(id: string): RemoteStageStream {
    return this.streams_.get(`${id} video`)!;
  }

  async begin(...ids: string[]): Promise<void> {
    const joined = this.stage.join();
    await settle();
    last(FakeSocket.all).say("STAGE_STATE", { ...state(...ids.map(publisher)), maxSlots: 16 });
    await joined;
    await settle(100);
  }

  async slots(...ids: string[]): Promise<void> {
    const slots = ids.flatMap((participantId, n) => [
      { mid: `${n}`, participantId, kind: "audio" },
      { mid: `${n + 12}`, participantId, kind: "video" },
    ]);
    await this.hear("SLOTS", { session: "1", slots, waiting: [] });
  }

  async layers(participantId: string, layers: unknown, selected?: string, reason = "selected"): Promise<void> {
    await this.hear("LAYERS", { participantId, session: "1", layers, selected, reason });
  }

  /** What came since the last time. */
  take(): string[] {
    return this.events.splice(0);
  }

  /** What the server was told of preferences since the last time: "bob 640x360", "bob any". */
  said(): string[] {
    const socket = last(FakeSocket.all);
    return socket.sent.splice(0).flatMap(({ type, payload }) => {
      const { participantId, maxWidth, maxHeight } = (payload ?? {}) as {
        participantId: string;
        maxWidth?: number;
        maxHeight?: number;
      };
      return type === "PREFER" ? [`${participantId} ${maxWidth === undefined ? "any" : `${maxWidth}x${maxHeight}`}`] : [];
    });
  }
}

const both = (...lines: string[]) => lines.flatMap((line) => [`bob ${line}`, `- ${line}`]);

test("has the documented words", () => {
  expect(InitialLayerPreference).toEqual({ LOWEST_QUALITY: "lowest_quality", HIGHEST_QUALITY: "highest_quality" });
  expect(StageStreamLayerSelectedReason).toEqual({ SELECTED: "selected", UNAVAILABLE: "unavailable" });
  expect(Object.keys(RemoteStageStreamEvents)).toEqual(["LAYERS_CHANGED", "LAYER_SELECTED", "ADAPTION_CHANGED"]);
});

test("layers are told, and which of them comes, on the stage and on the stream", async () => {
  const visitor = new Watcher();
  await visitor.begin("bob");
  await visitor.slots("bob");
  const stream = visitor.video("bob");
  expect([stream.isAdapting, stream.getLayers()]).toEqual([false, []]);
  expect([stream.getSelectedLayer(), stream.getLowestQualityLayer(), stream.getHighestQualityLayer()]).toEqual(
    Array(3).fill(undefined),
  );

  await visitor.layers("bob", [Q, H, F], "q");
  expect(visitor.take()).toEqual(both("layers q*hf", "selected q selected", "adapting true"));
  expect(stream.getLayers()).toEqual([
    { ...Q, selected: true },
    { ...H, selected: false },
    { ...F, selected: false },
  ]);
  expect(stream.getSelectedLayer()).toEqual({ ...Q, selected: true });
  expect(stream.getLowestQualityLayer()).toEqual({ ...Q, selected: true });
  expect(stream.getHighestQualityLayer()).toEqual({ ...F, selected: false });
  expect(visitor.streams_.get("bob audio")?.getLayers()).toEqual([]);

  await visitor.layers("bob", [Q, H, F], "f");
  expect(visitor.take()).toEqual(both("selected f selected"));
  await visitor.layers("bob", [Q, H, F], "f");
  expect(visitor.take()).toEqual([]);
  await visitor.layers("bob", [Q, H, { ...F, bitrateBps: 900_000 }], "f");
  expect(visitor.take()).toEqual(both("layers qhf*"));
  await visitor.layers("bob", [Q, H], "h", "unavailable");
  expect(visitor.take()).toEqual(both("layers qh*", "selected h unavailable"));
  await visitor.layers("bob", []);
  expect(visitor.take()).toEqual(both("layers ", "adapting false"));
  expect(visitor.said()).toEqual([]);
});

test("layers that are told before their stream comes are told with it", async () => {
  const visitor = new Watcher();
  await visitor.begin("bob");
  await visitor.layers("bob", [Q, F], "q");
  await visitor.layers("nobody", [Q, F], "q");
  expect(visitor.take()).toEqual([]);
  await visitor.slots("bob");
  expect(visitor.take()).toEqual([
    "bob layers q*f",
    "- layers q*f",
    "bob selected q selected",
    "- selected q selected",
    "bob adapting true",
    "- adapting true",
  ]);
});

test("a layer that the strategy prefers is asked for, and is no longer adapted to the network", async () => {
  const visitor = new Watcher();
  let prefers: unknown;
  const asked = vi.fn(() => prefers as string);
  visitor.strategy.preferredLayerForStream = asked;
  await visitor.begin("bob", "cy");
  await visitor.slots("bob", "cy");
  visitor.stage.refreshStrategy();
  expect(asked).not.toHaveBeenCalled(); // there is nothing to prefer
  prefers = "h";
  await visitor.layers("bob", [Q, H, F], "q");
  expect(asked).toHaveBeenLastCalledWith(expect.objectContaining({ id: "bob" }), visitor.video("bob"));
  expect(visitor.take()).toEqual(both("layers q*hf", "selected q selected"));
  expect(visitor.video("bob").isAdapting).toBe(false);
  expect(visitor.said()).toEqual(["bob 640x360"]);

  prefers = visitor.video("bob").getLowestQualityLayer();
  visitor.stage.refreshStrategy();
  await settle(100);
  expect(visitor.said()).toEqual(["bob 320x180"]);
  visitor.stage.refreshStrategy();
  await settle(100);
  expect([visitor.said(), visitor.take()]).toEqual([[], []]); // no news

  const thrown = vi.fn();
  vi.stubGlobal("reportError", thrown);
  asked.mockImplementationOnce(() => {
    throw new Error("of the application");
  });
  visitor.stage.refreshStrategy();
  await settle(100);
  expect(thrown).toHaveBeenCalledOnce();
  expect([visitor.said(), visitor.take()]).toEqual([[], []]); // it stays as it is

  for (const [none, word] of [
    [null, "q"],
    ["x", "h"],
    [undefined, "f"],
  ] as const) {
    prefers = none;
    visitor.stage.refreshStrategy();
    await settle(100);
    expect([visitor.said(), visitor.take()]).toEqual([["bob any"], both("adapting true")]);
    expect(visitor.video("bob").isAdapting).toBe(true);
    prefers = word;
    visitor.stage.refreshStrategy();
    await settle(100);
    expect(visitor.said()).toHaveLength(1);
    expect(visitor.take()).toEqual(both("adapting false"));
  }

  await visitor.layers("bob", [Q, H], "h", "unavailable"); // without what is preferred
  await settle(100);
  expect([visitor.said(), visitor.take()]).toEqual([
    ["bob any"],
    both("layers qh*", "selected h unavailable", "adapting true"),
  ]);
  await visitor.layers("cy", [Q, F], "q");
  await visitor.layers("bob", [Q, H, F], "h");
  await settle(300);
  expect(visitor.said()).toEqual(["cy 1280x720", "bob 1280x720"]);
  visitor.stage.leave();
  await settle(120_000);
  expect(vi.getTimerCount()).toBe(0);
});

test("what is preferred is said slowly, and again to a new socket", async () => {
  const visitor = new Watcher();
  visitor.strategy.preferredLayerForStream = (_p, stream) => stream.getLowestQualityLayer();
  const all = ["bob", "cy", "dee"];
  await visitor.begin(...all);
  await visitor.slots(...all);
  for (const id of all) await visitor.layers(id, [Q, F], "f");
  expect(visitor.said()).toEqual(["bob 320x180"]);
  await settle(100);
  expect(visitor.said()).toEqual(["cy 320x180"]);
  await settle(1_000);
  expect(visitor.said()).toEqual(["dee 320x180"]);
  visitor.strategy.preferredLayerForStream = ({ id }, stream) => (id === "cy" ? undefined : stream.getLowestQualityLayer());
  visitor.stage.refreshStrategy();
  last(FakeSocket.all).drop();
  await settle(1_000);
  await visitor.hear("STAGE_STATE", { ...state(...all.map(publisher)), maxSlots: 16 });
  await settle(1_000);
  expect(visitor.said().sort()).toEqual(["bob 320x180", "cy any", "dee 320x180"]);
});

test("who publishes anew has new layers", async () => {
  const visitor = new Watcher();
  visitor.strategy.preferredLayerForStream = () => "q";
  await visitor.begin("bob");
  await visitor.slots("bob");
  await visitor.layers("bob", [Q, F], "q");
  await settle(100);
  await visitor.hear("STAGE_UPDATE", update({ changed: [person("bob")] }));
  await settle(100);
  expect(visitor.said()).toEqual(["bob 320x180", "bob any"]);
  visitor.take();
  await visitor.hear("STAGE_UPDATE", update({ changed: [publisher("bob")] }));
  await settle(100);
  await visitor.slots("bob");
  expect(visitor.take()).toEqual([]);
  await visitor.layers("bob", [Q, F], "q");
  expect(visitor.take()).toEqual(both("layers q*f", "selected q selected"));
  await settle(100);
  expect(visitor.said()).toEqual(["bob 320x180"]);
});

test("a listener that leaves hears no more", async () => {
  const visitor = new Watcher();
  await visitor.begin("bob");
  await visitor.slots("bob");
  visitor.stage.on(StageEvents.STAGE_STREAM_LAYERS_CHANGED, () => visitor.stage.leave());
  await visitor.layers("bob", [Q, F], "q");
  expect(visitor.take().filter((line) => line.startsWith("bob"))).toEqual(["bob layers q*f"]);
});

test("a picture begins as the configuration says, with the lowest quality if it says nothing", async () => {
  const visitor = new Watcher();
  visitor.strategy.subscribeConfiguration = ({ id }) => {
    const initialLayerPreference = id === "cy" ? InitialLayerPreference.HIGHEST_QUALITY : InitialLayerPreference.LOWEST_QUALITY;
    return id === "dee" ? {} : { simulcast: { initialLayerPreference } };
  };
  visitor.strategy.shouldSubscribeToParticipant = ({ id }) =>
    id === "fay" ? SubscribeType.AUDIO_ONLY : SubscribeType.AUDIO_VIDEO;
  await visitor.begin("bob", "cy", "dee", "fay");
  const frame = last(last(FakeSocket.all).sent.filter(({ type }) => type === "SUBSCRIBE"));
  expect((frame.payload as { participants: unknown }).participants).toEqual([
    { participantId: "bob", audio: true, video: true, initial: "lowest" },
    { participantId: "cy", audio: true, video: true, initial: "highest" },
    { participantId: "dee", audio: true, video: true, initial: "lowest" },
    { participantId: "fay", audio: true, video: false },
  ]);
});

test("a server that tells of no layers is told of none", async () => {
  const visitor = new Visitor();
  visitor.strategy.preferredLayerForStream = () => "q";
  visitor.strategy.subscribeConfiguration = () => ({ simulcast: { initialLayerPreference: "highest_quality" } });
  const streams: RemoteStageStream[] = [];
  visitor.stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (_p, all) => streams.push(...(all as RemoteStageStream[])));
  await visitor.join(publisher("bob"));
  await settle(1_000);
  visitor.stage.refreshStrategy();
  await settle(1_000);
  expect(streams.map((one) => [one.streamType, one.isAdapting, one.getLayers()])).toEqual([
    ["audio", false, []],
    ["video", false, []],
  ]);
  expect(last(FakeSocket.all).sent.map(({ type }) => type)).toEqual([]);
});

test("what makes no sense is no layer", async () => {
  const visitor = new Watcher();
  await visitor.begin("bob");
  await visitor.slots("bob");
  await visitor.layers(
    "bob",
    [null, 1, {}, { ...Q, label: "" }, { ...Q, width: -1 }, { ...Q, height: "180" }, { ...Q, width: Infinity }, F],
    7 as never,
    "whatever",
  );
  expect(visitor.take()).toEqual(both("layers f", "adapting true"));
  await visitor.layers("bob", [{ ...F, bitrateBps: "x", framesPerSecond: null }], "f", "whatever");
  expect(visitor.video("bob").getLayers()).toEqual([{ ...F, bitrateBps: 0, framesPerSecond: 0, selected: true }]);
  expect(visitor.take()).toEqual(both("layers f*", "selected f selected"));
  await visitor.layers("bob", "none");
  expect(visitor.take()).toEqual(both("layers ", "adapting false"));
});
