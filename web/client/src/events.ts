import type { StageError } from "./errors.js";
import type { SeiMessage } from "./inband.js";
import type { StageStreamLayer, StageStreamLayerSelectedReason } from "./layer.js";
import type { StageParticipantInfo } from "./participant.js";
import type {
  StageConnectionState,
  StageLeftReason,
  StageParticipantPublishState,
  StageParticipantSubscribeState,
} from "./states.js";
import type { RemoteStageStream, StageStream } from "./streams.js";

/** What a Stage tells; the order of one participant's events is joined, states and streams, left. */
export const StageEvents = {
  STAGE_CONNECTION_STATE_CHANGED: "stageConnectionStateChanged",
  STAGE_PARTICIPANT_JOINED: "stageParticipantJoined",
  STAGE_PARTICIPANT_LEFT: "stageParticipantLeft",
  STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED: "stageParticipantPublishStateChanged",
  STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED: "stageParticipantSubscribeStateChanged",
  STAGE_PARTICIPANT_STREAMS_ADDED: "stageParticipantStreamsAdded",
  STAGE_PARTICIPANT_STREAMS_REMOVED: "stageParticipantStreamsRemoved",
  STAGE_STREAM_MUTE_CHANGED: "stageStreamMuteChanged",
  STAGE_STREAM_SEI_MESSAGE_RECEIVED: "stageStreamSeiMessageReceived",
  STAGE_STREAM_LAYERS_CHANGED: "stageStreamLayersChanged",
  STAGE_STREAM_LAYER_SELECTED: "stageStreamLayerSelected",
  STAGE_STREAM_ADAPTION_CHANGED: "stageStreamAdaptionChanged",
  STAGE_PARTICIPANT_METADATA_CHANGED: "stageParticipantMetadataChanged",
  STAGE_LEFT: "stageLeft",
  ERROR: "error",
} as const;
export type StageEvents = (typeof StageEvents)[keyof typeof StageEvents];

/** What listeners are given. */
export interface StageEventPayloads {
  stageConnectionStateChanged: [state: StageConnectionState];
  stageParticipantJoined: [participant: StageParticipantInfo];
  stageParticipantLeft: [participant: StageParticipantInfo];
  stageParticipantPublishStateChanged: [participant: StageParticipantInfo, state: StageParticipantPublishState];
  stageParticipantSubscribeStateChanged: [participant: StageParticipantInfo, state: StageParticipantSubscribeState];
  stageParticipantStreamsAdded: [participant: StageParticipantInfo, streams: StageStream[]];
  stageParticipantStreamsRemoved: [participant: StageParticipantInfo, streams: StageStream[]];
  stageStreamMuteChanged: [participant: StageParticipantInfo, stream: StageStream];
  stageStreamSeiMessageReceived: [participant: StageParticipantInfo, message: SeiMessage];
  stageStreamLayersChanged: [participant: StageParticipantInfo, stream: RemoteStageStream, layers: StageStreamLayer[]];
  stageStreamLayerSelected: [
    participant: StageParticipantInfo,
    stream: RemoteStageStream,
    layer: StageStreamLayer,
    reason: StageStreamLayerSelectedReason,
  ];
  stageStreamAdaptionChanged: [participant: StageParticipantInfo, stream: RemoteStageStream, isAdapting: boolean];
  stageParticipantMetadataChanged: [participant: StageParticipantInfo];
  stageLeft: [reason: StageLeftReason];
  error: [error: StageError];
}
