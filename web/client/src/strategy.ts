import type { StageParticipantInfo } from "./participant.js";
import type { LocalStageStream } from "./streams.js";

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
}
