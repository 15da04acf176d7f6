import * as limits from "./constants.js";
import * as errors from "./simulcasterrors.js";

/** One size of several in which a picture is published. All members are needed. */
export interface SimulcastLocalLayerConfiguration {
  /** kbit/s, 50 to 2500, and no more than the stream's maxVideoBitrateKbps. */
  maxBitrateKbps: number;
  /** Pictures per second, 10 to 30, no more than the stream's maxFramerate and than the track brings. */
  maxFramerate: number;
  /** Pixels, 160 to 1280. The track's picture is scaled down into width × height, and keeps its shape. */
  width: number;
  height: number;
}

/** Publishing a picture in several sizes. */
export interface SimulcastConfiguration {
  /** False when absent. */
  enabled?: boolean | undefined;
  /** One to three. None, or absent: what suits the track, 720p as 720, 360 and 180 lines. */
  layers?: readonly SimulcastLocalLayerConfiguration[] | undefined;
}

const preset = (width: number, height: number, maxBitrateKbps: number, maxFramerate: number) =>
  Object.freeze({ maxBitrateKbps, maxFramerate, width, height });

/** Layers for pictures of 16:9. */
export const SimulcastLayerPresets: Readonly<
  Record<`DEFAULT_${720 | 540 | 480 | 360 | 270 | 180 | 160}`, Readonly<SimulcastLocalLayerConfiguration>>
> = Object.freeze({
  DEFAULT_720: preset(1280, 720, 1700, 30),
  DEFAULT_540: preset(960, 540, 1200, 30),
  DEFAULT_480: preset(854, 480, 900, 30),
  DEFAULT_360: preset(640, 360, 700, 20),
  DEFAULT_270: preset(480, 270, 400, 20),
  DEFAULT_180: preset(320, 180, 200, 15),
  DEFAULT_160: preset(284, 160, 150, 15),
});

const MAX_LAYERS = 3;
/** The names of encodings, smallest first. */
const RIDS = ["q", "h", "f"];
/** kbit/s below which a picture is not divided unless layers are named. */
export const WORTH_DIVIDING = 700;
/** How much the shape of one layer may differ from another's. */
const SHAPE = 1.1;
/** Cameras of 30 pictures per second say 29.97. */
const ROUNDING = 1;

/** What the layers are compared with. */
interface Whole {
  maxBitrateKbps: number;
  maxFramerate: number;
}

/**
 * The layers named by a configuration, smallest first; none where what suits the track is to be taken, undefined where the
 * picture goes out in one size. Throws an error with the name, code and message of one of the SIMULCAST_ objects.
 */
export function layersNamed(
  simulcast: SimulcastConfiguration | undefined,
  whole: Whole,
  track: MediaTrackSettings,
): SimulcastLocalLayerConfiguration[] | undefined {
  if (simulcast === undefined) return undefined;
  const { enabled = false, layers = [] } = simulcast ?? {};
  if (typeof simulcast !== "object" || typeof enabled !== "boolean" || !Array.isArray(layers)) {
    throw errors.simulcastError(errors.SIMULCAST_LAYER_INVALID_TYPE, "simulcast");
  }
  if (!enabled) return undefined;
  if (layers.length > MAX_LAYERS) throw errors.simulcastError(errors.SIMULCAST_MAX_LAYERS_EXCEEDED, `${layers.length} layers`);
  layers.forEach((layer, i) => check(layer, `layers[${i}]`, whole, track));
  const sorted = layers
    .map(({ maxBitrateKbps, maxFramerate, width, height }) => ({ maxBitrateKbps, maxFramerate, width, height }))
    .sort((a, b) => a.width * a.height - b.width * b.height || a.maxBitrateKbps - b.maxBitrateKbps);
  if (new Set(sorted.map((layer) => JSON.stringify(layer))).size < sorted.length) {
    throw errors.simulcastError(errors.SIMULCAST_DUPLICATE_LAYERS_CONFIGURED, "layers");
  }
  const shape = sorted.map(({ width, height }) => width / height);
  if (Math.max(...shape) > Math.min(...shape) * SHAPE) {
    throw errors.simulcastError(errors.SIMULCAST_LAYER_ORIENTATION_MISMATCH, "layers");
  }
  return sorted;
}

function check(layer: SimulcastLocalLayerConfiguration, details: string, whole: Whole, track: MediaTrackSettings): void {
  const refuse = (wrong: boolean, error: Parameters<typeof errors.simulcastError>[0]) => {
    if (wrong) throw errors.simulcastError(error, details);
  };
  const { maxBitrateKbps, maxFramerate, width, height } = layer ?? {};
  const numbers = [maxBitrateKbps, maxFramerate, width, height];
  refuse(!numbers.every(Number.isFinite), errors.SIMULCAST_LAYER_INVALID_TYPE);
  refuse(maxBitrateKbps > limits.STAGE_MAX_BITRATE, errors.SIMULCAST_MAX_LAYER_BITRATE_EXCEEDED);
  refuse(maxBitrateKbps < limits.STAGE_MIN_BITRATE, errors.SIMULCAST_MIN_LAYER_BITRATE_EXCEEDED);
  refuse(maxFramerate > limits.STAGE_MAX_FRAMERATE, errors.SIMULCAST_MAX_LAYER_FRAMERATE_EXCEEDED);
  refuse(maxFramerate < limits.STAGE_MIN_FRAMERATE, errors.SIMULCAST_MIN_LAYER_FRAMERATE_EXCEEDED);
  refuse(Math.max(width, height) > limits.STAGE_MAX_RESOLUTION, errors.SIMULCAST_MAX_LAYER_DIMENSIONS_EXCEEDED);
  refuse(Math.min(width, height) < limits.STAGE_MIN_RESOLUTION, errors.SIMULCAST_MIN_LAYER_DIMENSIONS_EXCEEDED);
  const conflict = maxBitrateKbps > whole.maxBitrateKbps || maxFramerate > whole.maxFramerate;
  refuse(conflict, errors.SIMULCAST_LAYER_CONFIGURATION_CONFLICT);
  if (track.width && track.height) {
    refuse((track.width - track.height) * (width - height) < 0, errors.SIMULCAST_LAYER_ORIENTATION_MISMATCH);
    const small = track.width < width && track.height < height;
    refuse(small, errors.SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT);
  }
  if (track.frameRate) {
    refuse(track.frameRate + ROUNDING <= maxFramerate, errors.SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT);
  }
}

/** The picture in one size: its own, or the largest that a stage takes. */
export function oneEncoding(
  { maxBitrateKbps, maxFramerate }: Whole,
  { width = 0, height = 0 }: MediaTrackSettings,
): RTCRtpEncodingParameters {
  return {
    maxBitrate: maxBitrateKbps * 1000,
    maxFramerate,
    scaleResolutionDownBy: Math.max(1, Math.max(width, height) / limits.STAGE_MAX_RESOLUTION),
  };
}

/** The picture in the sizes that `layersNamed` gave, smallest first; one size where it is not worth more. */
export function encodingsOf(
  layers: readonly SimulcastLocalLayerConfiguration[],
  whole: Whole,
  track: MediaTrackSettings,
): RTCRtpEncodingParameters[] {
  return named(layers.length > 0 ? scaled(layers, track) : suitable(whole, track));
}

function scaled(layers: readonly SimulcastLocalLayerConfiguration[], track: MediaTrackSettings): RTCRtpEncodingParameters[] {
  const largest = layers.at(-1)!;
  const { width = largest.width, height = largest.height } = track;
  const sides = (a: number, b: number) => [Math.max(a, b), Math.min(a, b)] as const; // a camera may have been turned
  const [long, short] = sides(width, height);
  return layers.map((layer) => {
    const [layerLong, layerShort] = sides(layer.width, layer.height);
    return {
      maxBitrate: layer.maxBitrateKbps * 1000,
      maxFramerate: layer.maxFramerate,
      scaleResolutionDownBy: Math.max(1, long / layerLong, short / layerShort),
    };
  });
}

/** 180 lines for narrow lines, half the size where there are 720 lines, and the whole. */
function suitable(whole: Whole, track: MediaTrackSettings): RTCRtpEncodingParameters[] {
  const full = oneEncoding(whole, track);
  if (whole.maxBitrateKbps < WORTH_DIVIDING) return [full];
  const { width = 1280, height = 720 } = track;
  const least = full.scaleResolutionDownBy ?? 1;
  const lines = Math.min(width, height) / least;
  const { DEFAULT_360: half, DEFAULT_180: low } = SimulcastLayerPresets;
  const smaller = (preset: Whole, by: number) => ({
    maxBitrate: preset.maxBitrateKbps * 1000,
    maxFramerate: Math.min(preset.maxFramerate, whole.maxFramerate),
    scaleResolutionDownBy: least * by,
  });
  return [
    ...(lines >= 2 * low.height ? [smaller(low, lines / low.height)] : []),
    ...(lines >= 2 * half.height ? [smaller(half, 2)] : []),
    full,
  ];
}

function named(encodings: RTCRtpEncodingParameters[]): RTCRtpEncodingParameters[] {
  if (encodings.length < 2) return encodings;
  return encodings.map((encoding, i) => ({ rid: RIDS[RIDS.length - encodings.length + i]!, ...encoding }));
}
