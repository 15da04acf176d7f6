/** What is wrong with a simulcast configuration. The numbers are this library's own. */
interface ErrorParams {
  readonly name: string;
  readonly code: number;
  readonly message: string;
}

const error = (name: string, code: number, message: string): ErrorParams => Object.freeze({ name, code, message });

/**
 * Told as a warning on the console, not thrown: the picture goes out in one size, because the browser, the server or a
 * maximum bitrate below 700 kbit/s allows no more.
 */
export const SIMULCAST_UNSUPPORTED = error("SIMULCAST_UNSUPPORTED", 21000, "the picture is published in one size only");
/** The configuration, or one of its layers, is not of its type: each layer has four numbers. */
export const SIMULCAST_LAYER_INVALID_TYPE = error(
  "SIMULCAST_LAYER_INVALID_TYPE",
  21001,
  "the simulcast configuration is not of its type",
);
export const SIMULCAST_MAX_LAYERS_EXCEEDED = error("SIMULCAST_MAX_LAYERS_EXCEEDED", 21002, "there are more than three layers");
/** Two layers are the same in all that is set. */
export const SIMULCAST_DUPLICATE_LAYERS_CONFIGURED = error(
  "SIMULCAST_DUPLICATE_LAYERS_CONFIGURED",
  21003,
  "two layers are the same",
);
/** A layer has more bitrate or framerate than the stream itself may have. */
export const SIMULCAST_LAYER_CONFIGURATION_CONFLICT = error(
  "SIMULCAST_LAYER_CONFIGURATION_CONFLICT",
  21004,
  "a layer exceeds what is set for the stream",
);
/** A layer has more than STAGE_MAX_BITRATE. */
export const SIMULCAST_MAX_LAYER_BITRATE_EXCEEDED = error(
  "SIMULCAST_MAX_LAYER_BITRATE_EXCEEDED",
  21005,
  "the bitrate of a layer is too high",
);
/** A layer has less than STAGE_MIN_BITRATE. */
export const SIMULCAST_MIN_LAYER_BITRATE_EXCEEDED = error(
  "SIMULCAST_MIN_LAYER_BITRATE_EXCEEDED",
  21006,
  "the bitrate of a layer is too low",
);
/** A layer has more than STAGE_MAX_FRAMERATE. */
export const SIMULCAST_MAX_LAYER_FRAMERATE_EXCEEDED = error(
  "SIMULCAST_MAX_LAYER_FRAMERATE_EXCEEDED",
  21007,
  "the framerate of a layer is too high",
);
/** A layer has less than STAGE_MIN_FRAMERATE. */
export const SIMULCAST_MIN_LAYER_FRAMERATE_EXCEEDED = error(
  "SIMULCAST_MIN_LAYER_FRAMERATE_EXCEEDED",
  21008,
  "the framerate of a layer is too low",
);
/** A side of a layer is longer than STAGE_MAX_RESOLUTION. */
export const SIMULCAST_MAX_LAYER_DIMENSIONS_EXCEEDED = error(
  "SIMULCAST_MAX_LAYER_DIMENSIONS_EXCEEDED",
  21009,
  "a layer is too large",
);
/** A side of a layer is shorter than STAGE_MIN_RESOLUTION. */
export const SIMULCAST_MIN_LAYER_DIMENSIONS_EXCEEDED = error(
  "SIMULCAST_MIN_LAYER_DIMENSIONS_EXCEEDED",
  21010,
  "a layer is too small",
);
/** One layer lies and the track, or another layer, stands. */
export const SIMULCAST_LAYER_ORIENTATION_MISMATCH = error(
  "SIMULCAST_LAYER_ORIENTATION_MISMATCH",
  21011,
  "a layer is of another orientation than the picture",
);
/** A layer is larger than the track: nothing is scaled up. */
export const SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT = error(
  "SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT",
  21012,
  "the picture is smaller than a layer",
);
/** A layer is to have more pictures per second than the track brings. */
export const SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT = error(
  "SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT",
  21013,
  "the track brings fewer pictures per second than a layer is to have",
);

/**
 * What is thrown for one of them: its name, code and message, and which layer it is.
 * @internal
 */
export function simulcastError({ name, code, message }: ErrorParams, details: string): RangeError {
  return Object.assign(new RangeError(message), { name, code, details });
}
