export * from "./constants.js";
export type { StageAudioConfiguration, StageVideoConfiguration } from "./configuration.js";
export type { SeiMessage } from "./inband.js";
export { StageError, StageErrorCategory, StageErrorCode } from "./errors.js";
export { type StageEventPayloads, StageEvents } from "./events.js";
export {
  InitialLayerPreference,
  type RemoteStageStreamEventPayloads,
  RemoteStageStreamEvents,
  type StageStreamLayer,
  StageStreamLayerSelectedReason,
} from "./layer.js";
export type { StageParticipantCapability, StageParticipantInfo } from "./participant.js";
export {
  type LocalAudioStats,
  type LocalVideoStats,
  NetworkQuality,
  type RemoteAudioStats,
  type RemoteVideoStats,
} from "./quality.js";
export { type SimulcastConfiguration, SimulcastLayerPresets, type SimulcastLocalLayerConfiguration } from "./simulcast.js";
export {
  SIMULCAST_DUPLICATE_LAYERS_CONFIGURED,
  SIMULCAST_LAYER_CONFIGURATION_CONFLICT,
  SIMULCAST_LAYER_INPUT_FRAMERATE_INSUFFICIENT,
  SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT,
  SIMULCAST_LAYER_INVALID_TYPE,
  SIMULCAST_LAYER_ORIENTATION_MISMATCH,
  SIMULCAST_MAX_LAYER_BITRATE_EXCEEDED,
  SIMULCAST_MAX_LAYER_DIMENSIONS_EXCEEDED,
  SIMULCAST_MAX_LAYER_FRAMERATE_EXCEEDED,
  SIMULCAST_MAX_LAYERS_EXCEEDED,
  SIMULCAST_MIN_LAYER_BITRATE_EXCEEDED,
  SIMULCAST_MIN_LAYER_DIMENSIONS_EXCEEDED,
  SIMULCAST_MIN_LAYER_FRAMERATE_EXCEEDED,
  SIMULCAST_UNSUPPORTED,
} from "./simulcasterrors.js";
export { Stage } from "./stage.js";
export {
  StageConnectionState,
  StageLeftReason,
  StageParticipantPublishState,
  StageParticipantSubscribeState,
} from "./states.js";
export { type StageStrategy, type SubscribeConfiguration, SubscribeType } from "./strategy.js";
export {
  LocalStageStream,
  type LocalStageStreamEventPayloads,
  LocalStageStreamEvents,
  RemoteStageStream,
  type StageStream,
} from "./streams.js";
export { isSupported } from "./support.js";
export { __version } from "./version.js";
