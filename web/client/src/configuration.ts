import * as limits from "./constants.js";

/** How a video stream is published. */
export interface StageVideoConfiguration {
  /** kbit/s, 50 to 2500; 2500 when absent. */
  maxVideoBitrateKbps?: number | undefined;
  /** Pictures per second, 10 to 30; 30 when absent. */
  maxFramerate?: number | undefined;
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

/** What a sender is told; bit/s. */
export interface SendSettings {
  maxBitrate: number;
  maxFramerate?: number;
  stereo: boolean;
}

/** Works out what is sent. Throws a RangeError that names what is out of its limits. */
export function settingsOf(
  kind: "audio" | "video",
  configuration: StageVideoConfiguration & StageAudioConfiguration,
): SendSettings {
  if (kind === "audio") {
    const kbps = checked(
      "maxAudioBitrateKbps",
      configuration.maxAudioBitrateKbps ?? limits.STAGE_MAX_AUDIO_BITRATE_KBPS_DEFAULT,
      limits.STAGE_MIN_AUDIO_BITRATE_KBPS,
      limits.STAGE_MAX_AUDIO_BITRATE_KBPS,
    );
    return { maxBitrate: kbps * 1000, stereo: configuration.stereo ?? false };
  }
  const kbps = checked(
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
  return { maxBitrate: kbps * 1000, maxFramerate, stereo: false };
}

function checked(name: string, value: number, least: number, most: number): number {
  if (value >= least && value <= most) return value;
  throw new RangeError(`${name} must be ${least} to ${most}, not ${value}`);
}
