import type { InitialLayerPreference, StageStreamLayer } from "./layer.js";
import type { StageParticipantInfo } from "./participant.js";
import type { LocalStageStream, RemoteStageStream } from "./streams.js";

/** How much of a participant to receive. */
export const SubscribeType = {
  NONE: "none",
  AUDIO_ONLY: "audio_only",
  AUDIO_VIDEO: "audio_video",
} as const;
export type SubscribeType = (typeof SubscribeType)[keyof typeof SubscribeType];

/** How somebody is received. */
export interface SubscribeConfiguration {
  /** Whether STAGE_STREAM_SEI_MESSAGE_RECEIVED tells of messages in the pictures; false when absent. */
  inBandMessaging?: { enabled: boolean } | undefined;
  /** What a picture begins with that is published in several sizes; the lowest quality when absent. */
  simulcast?: { initialLayerPreference?: InitialLayerPreference | undefined } | undefined;
}

/**
 * What the application wants of a stage. The Stage asks whenever something changed on the stage, and after
 * refreshStrategy(); it then brings about what it was told. The functions should be quick and without effects.
 */
export interface StageStrategy {
  /** What to publish: at most one audio and one video stream; of more, the first of each kind is taken. */
  stageStreamsToPublish(): LocalStageStream[];
  /** Whether to publish, asked for ourselves. */
  shouldPublishParticipant(participant: StageParticipantInfo): boolean;
  /** What to receive of somebody who publishes. */
  shouldSubscribeToParticipant(participant: StageParticipantInfo): SubscribeType;
  /** How to receive somebody. */
  subscribeConfiguration?(participant: StageParticipantInfo): SubscribeConfiguration;
  /**
   * Which layer of a picture to receive, or its label: asked whenever the layers change, and whenever the other functions
   * are. A smaller one comes only where the network has no room for it. Without one, or with one that is not published, the
   * server chooses by what the network has room for.
   */
  preferredLayerForStream?(
    participant: StageParticipantInfo,
    stream: RemoteStageStream,
  ): StageStreamLayer | string | null | undefined;
}
