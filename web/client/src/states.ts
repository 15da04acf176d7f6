/** Where the connection to a stage is. */
export const StageConnectionState = {
  DISCONNECTED: "disconnected",
  CONNECTING: "connecting",
  CONNECTED: "connected",
  /** It was lost or refused for good; join() tries again. */
  ERRORED: "errored",
} as const;
export type StageConnectionState = (typeof StageConnectionState)[keyof typeof StageConnectionState];

/** Whether a participant publishes. */
export const StageParticipantPublishState = {
  NOT_PUBLISHED: "not_published",
  ATTEMPTING_PUBLISH: "attempting_publish",
  PUBLISHED: "published",
  ERRORED: "errored",
} as const;
export type StageParticipantPublishState = (typeof StageParticipantPublishState)[keyof typeof StageParticipantPublishState];

/** Whether we receive a participant. */
export const StageParticipantSubscribeState = {
  NOT_SUBSCRIBED: "not_subscribed",
  ATTEMPTING_SUBSCRIBE: "attempting_subscribe",
  SUBSCRIBED: "subscribed",
  ERRORED: "errored",
} as const;
export type StageParticipantSubscribeState =
  (typeof StageParticipantSubscribeState)[keyof typeof StageParticipantSubscribeState];

/** Why we are no longer on a stage. */
export const StageLeftReason = {
  /** The connection was lost or refused for good: an ERROR event says more. */
  UNKNOWN: "unknown",
  /** leave() was called. */
  USER_INITIATED: "user-initiated",
  /** The same token joined elsewhere. */
  TOKEN_REUSED: "token-reused",
  /** DisconnectParticipant was called for us; the token is of no more use. */
  PARTICIPANT_DISCONNECTED: "participant-disconnected",
  STAGE_DELETED: "stage-deleted",
} as const;
export type StageLeftReason = (typeof StageLeftReason)[keyof typeof StageLeftReason];

/**
 * What the server says when it ends a visit, and what the doors say when one is to be begun again after that.
 * @internal
 */
export const LEFT: Record<string, StageLeftReason> = {
  "token-reused": StageLeftReason.TOKEN_REUSED,
  "participant-disconnected": StageLeftReason.PARTICIPANT_DISCONNECTED,
  PARTICIPANT_DISCONNECTED: StageLeftReason.PARTICIPANT_DISCONNECTED,
  "stage-deleted": StageLeftReason.STAGE_DELETED,
  STAGE_DELETED: StageLeftReason.STAGE_DELETED,
};
