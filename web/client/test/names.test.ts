import { afterEach, beforeEach, expect, test, vi } from "vitest";
import own from "../package.json" with { type: "json" };
import IVSBroadcastClient, * as names from "../src/index.js";
import { browser } from "./fakes.js";

beforeEach(() => void browser());

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("exports what is done, by name and in the namespace", () => {
  const { default: namespace, ...named } = names;
  expect(namespace).toBe(IVSBroadcastClient);
  expect({ ...IVSBroadcastClient }).toEqual(named);
  expect(Object.keys(named).sort()).toMatchInlineSnapshot(`
    [
      "InitialLayerPreference",
      "LocalStageStream",
      "LocalStageStreamEvents",
      "NetworkQuality",
      "RemoteStageStream",
      "RemoteStageStreamEvents",
      "SIMULCAST_DUPLICATE_LAYERS_CONFIGURED",
      "SIMULCAST_LAYER_CONFIGURATION_CONFLICT",
      "SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT",
      "SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT",
      "SIMULCAST_LAYER_INVALID_TYPE",
      "SIMULCAST_LAYER_ORIENTATION_MISMATCH",
      "SIMULCAST_MAX_LAYERS_EXCEEDED",
      "SIMULCAST_MAX_LAYER_BITRATE_EXCEEDED",
      "SIMULCAST_MAX_LAYER_DIMENSIONS_EXCEEDED",
      "SIMULCAST_MAX_LAYER_FRAMERATE_EXCEEDED",
      "SIMULCAST_MIN_LAYER_BITRATE_EXCEEDED",
      "SIMULCAST_MIN_LAYER_DIMENSIONS_EXCEEDED",
      "SIMULCAST_MIN_LAYER_FRAMERATE_EXCEEDED",
      "SIMULCAST_UNSUPPORTED",
      "STAGE_MAX_AUDIO_BITRATE_KBPS",
      "STAGE_MAX_AUDIO_BITRATE_KBPS_DEFAULT",
      "STAGE_MAX_BITRATE",
      "STAGE_MAX_FRAMERATE",
      "STAGE_MAX_RESOLUTION",
      "STAGE_MIN_AUDIO_BITRATE_KBPS",
      "STAGE_MIN_BITRATE",
      "STAGE_MIN_FRAMERATE",
      "STAGE_MIN_RESOLUTION",
      "SimulcastLayerPresets",
      "Stage",
      "StageConnectionState",
      "StageError",
      "StageErrorCategory",
      "StageErrorCode",
      "StageEvents",
      "StageLeftReason",
      "StageParticipantPublishState",
      "StageParticipantSubscribeState",
      "StageStreamLayerSelectedReason",
      "SubscribeType",
      "__version",
      "isSupported",
    ]
  `);
});

test("says its version", () => expect(names.__version).toBe(own.version));

test("has the documented limits", () => {
  const limits = Object.entries(names).filter(([, value]) => typeof value === "number");
  expect(Object.fromEntries(limits)).toEqual({
    STAGE_MAX_BITRATE: 2500,
    STAGE_MIN_BITRATE: 50,
    STAGE_MAX_FRAMERATE: 30,
    STAGE_MIN_FRAMERATE: 10,
    STAGE_MAX_RESOLUTION: 1280,
    STAGE_MIN_RESOLUTION: 160,
    STAGE_MAX_AUDIO_BITRATE_KBPS: 128,
    STAGE_MIN_AUDIO_BITRATE_KBPS: 12,
    STAGE_MAX_AUDIO_BITRATE_KBPS_DEFAULT: 64,
  });
});

test("has the documented words", () => {
  expect(Object.values(names.StageEvents)).toEqual([
    "stageConnectionStateChanged",
    "stageParticipantJoined",
    "stageParticipantLeft",
    "stageParticipantPublishStateChanged",
    "stageParticipantSubscribeStateChanged",
    "stageParticipantStreamsAdded",
    "stageParticipantStreamsRemoved",
    "stageStreamMuteChanged",
    "stageStreamSeiMessageReceived",
    "stageStreamLayersChanged",
    "stageStreamLayerSelected",
    "stageStreamAdaptionChanged",
    "stageParticipantMetadataChanged",
    "stageLeft",
    "error",
  ]);
  expect(Object.values(names.SubscribeType)).toEqual(["none", "audio_only", "audio_video"]);
  expect(Object.values(names.StageConnectionState)).toEqual(["disconnected", "connecting", "connected", "errored"]);
  expect(Object.values(names.StageParticipantPublishState)).toEqual([
    "not_published",
    "attempting_publish",
    "published",
    "errored",
  ]);
  expect(Object.values(names.StageParticipantSubscribeState)).toEqual([
    "not_subscribed",
    "attempting_subscribe",
    "subscribed",
    "errored",
  ]);
  expect(Object.values(names.StageLeftReason)).toEqual([
    "unknown",
    "user-initiated",
    "token-reused",
    "participant-disconnected",
    "stage-deleted",
  ]);
  expect(Object.entries(names.StageErrorCode)).toEqual([
    ["TOKEN_MALFORMED", 1],
    ["TOKEN_EXPIRED", 2],
    ["TIMEOUT", 3],
    ["FAILED", 4],
    ["CANCELED", 5],
    ["STAGE_AT_CAPACITY", 6],
    ["CODEC_MISMATCH", 7],
    ["TOKEN_NOT_ALLOWED", 8],
    ["STAGE_DELETED", 9],
    ["PARTICIPANT_DISCONNECTED", 10],
    ["TOKEN_EXCHANGE_REQUEST_INVALID", 11],
    ["TOKEN_EXCHANGE_FAILED", 12],
  ]);
  expect(names.NetworkQuality).toEqual({ EXCELLENT: 4, GOOD: 3, NORMAL: 2, POOR: 1, DOWN: 0 });
  for (const words of [names.StageErrorCategory, { JOIN_ERROR: "", PUBLISH_ERROR: "", SUBSCRIBE_ERROR: "" }]) {
    expect(Object.keys(words)).toEqual(["JOIN_ERROR", "PUBLISH_ERROR", "SUBSCRIBE_ERROR"]);
  }
  expect(names.LocalStageStreamEvents).toEqual({
    LOCAL_STREAM_MUTED_CHANGED: "localStreamMutedChanged",
    LOCAL_STREAM_INSERT_SEI_MSG_REQUEST: "localStreamInsertSeiMsgRequest",
  });
});

test("an error says what and when", () => {
  const error = new names.StageError(names.StageErrorCode.TIMEOUT, names.StageErrorCategory.PUBLISH_ERROR, "too slow");
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "StageError", code: 3, category: "PUBLISH_ERROR", message: "too slow" });
});

test.each(["RTCPeerConnection", "WebSocket", "fetch", "RTCRtpTransceiver", "RTCRtpSender", "RTCRtpReceiver"])(
  "is supported, but not without %s",
  (name) => {
    expect(names.isSupported()).toBe(true);
    vi.stubGlobal(name, undefined);
    expect(names.isSupported()).toBe(false);
  },
);

test.each([
  ["RTCRtpSender", "video", "video/VP8"],
  ["RTCRtpReceiver", "audio", "audio/PCMU"],
])("is not supported when %s has for %s only %s", (side, kind, mimeType) => {
  const original = (globalThis as unknown as Record<string, { getCapabilities(kind: string): object }>)[side]!;
  vi.stubGlobal(side, {
    getCapabilities: (asked: string) => (asked === kind ? { codecs: [{ mimeType }] } : original.getCapabilities(asked)),
  });
  expect(names.isSupported()).toBe(false);
});
