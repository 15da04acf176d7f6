/** Highest and lowest bitrate of a stage's video, kbit/s. */
export const STAGE_MAX_BITRATE = 2500;
export const STAGE_MIN_BITRATE = 50;
/** Most and fewest pictures per second of a stage's video. */
export const STAGE_MAX_FRAMERATE = 30;
export const STAGE_MIN_FRAMERATE = 10;
/** Longest side of a stage's pictures and the shortest that is of use, pixels. Larger pictures are scaled down. */
export const STAGE_MAX_RESOLUTION = 1280;
export const STAGE_MIN_RESOLUTION = 160;
/** Highest and lowest bitrate of a stage's sound, and what it is when nothing is said, kbit/s. */
export const STAGE_MAX_AUDIO_BITRATE_KBPS = 128;
export const STAGE_MIN_AUDIO_BITRATE_KBPS = 12;
export const STAGE_MAX_AUDIO_BITRATE_KBPS_DEFAULT = 64;
