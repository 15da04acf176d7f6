export * from "./constants.js";
export type { StageAudioConfiguration, StageVideoConfiguration } from "./configuration.js";
export { StageError, StageErrorCategory, StageErrorCode } from "./errors.js";
export { type StageEventPayloads, StageEvents } from "./events.js";
export type { StageParticipantCapability, StageParticipantInfo } from "./participant.js";
export {
  type LocalAudioStats,
  type LocalVideoStats,
  NetworkQuality,
  type RemoteAudioStats,
  type RemoteVideoStats,
} from "./quality.js";
export { Stage } from "./stage.js";
export {
  StageConnectionState,
  StageLeftReason,
  StageParticipantPublishState,
  StageParticipantSubscribeState,
} from "./states.js";
export { type StageStrategy, SubscribeType } from "./strategy.js";
export {
  LocalStageStream,
  type LocalStageStreamEventPayloads,
  LocalStageStreamEvents,
  RemoteStageStream,
  type StageStream,
} from "./streams.js";
export { isSupported } from "./support.js";
export { __version } from "./version.js";
