import * as limits from "./constants.js";
import { layersNamed, type SimulcastConfiguration, type SimulcastLocalLayerConfiguration } from "./simulcast.js";

/** How a video stream is published. */
export interface StageVideoConfiguration {
  /** kbit/s, 50 to 2500; 2500 when absent. */
  maxVideoBitrateKbps?: number | undefined;
  /** Pictures per second, 10 to 30; 30 when absent. */
  maxFramerate?: number | undefined;
  /** Publish the picture in several sizes, among which each viewer gets what its line carries; not when absent. */
  simulcast?: SimulcastConfiguration | undefined;
  /** Whether insertSeiMessage may put messages into the pictures; false when absent. */
  inBandMessaging?: { enabled: boolean } | undefined;
  /** @deprecated Use maxVideoBitrateKbps, which goes first. */
  maxBitrate?: number | undefined;
  /** @deprecated Of no effect: the browser follows the network. */
  minBitrate?: number | undefined;
}

/** How an audio stream is published. */
export interface StageAudioConfiguration {
  /** kbit/s, 12 to 128; 64 when absent. */
  maxAudioBitrateKbps?: number | undefined;
  /** Two channels; false when absent. The track must have been captured with two. */
  stereo?: boolean | undefined;
}

/** What a sender of sound is told. */
export interface SoundSettings {
  maxBitrateKbps: number;
  stereo: boolean;
}

/** What a sender of pictures is told. */
export interface PictureSettings {
  maxBitrateKbps: number;
  maxFramerate: number;
  /** Undefined for one size, none for those that suit the track. */
  layers: readonly SimulcastLocalLayerConfiguration[] | undefined;
  inBandMessaging: boolean;
}

/** Works out how sound is sent. Throws a RangeError that names what is out of its limits. */
export function soundSettings(configuration: StageAudioConfiguration): SoundSettings {
  const maxBitrateKbps = checked(
    "maxAudioBitrateKbps",
    configuration.maxAudioBitrateKbps ?? limits.STAGE_MAX_AUDIO_BITRATE_KBPS_DEFAULT,
    limits.STAGE_MIN_AUDIO_BITRATE_KBPS,
    limits.STAGE_MAX_AUDIO_BITRATE_KBPS,
  );
  return { maxBitrateKbps, stereo: configuration.stereo ?? false };
}

/** Works out how a track's pictures are sent. Throws a RangeError that names what is out of its limits. */
export function pictureSettings(configuration: StageVideoConfiguration, track: MediaTrackSettings): PictureSettings {
  const maxBitrateKbps = checked(
    configuration.maxVideoBitrateKbps === undefined ? "maxBitrate" : "maxVideoBitrateKbps",
    configuration.maxVideoBitrateKbps ?? configuration.maxBitrate ?? limits.STAGE_MAX_BITRATE,
    limits.STAGE_MIN_BITRATE,
    limits.STAGE_MAX_BITRATE,
  );
  const maxFramerate = checked(
    "maxFramerate",
    configuration.maxFramerate ?? limits.STAGE_MAX_FRAMERATE,
    limits.STAGE_MIN_FRAMERATE,
    limits.STAGE_MAX_FRAMERATE,
  );
  return {
    maxBitrateKbps,
    maxFramerate,
    layers: layersNamed(configuration.simulcast, { maxBitrateKbps, maxFramerate }, track),
    inBandMessaging: configuration.inBandMessaging?.enabled ?? false,
  };
}

function checked(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`);
}
