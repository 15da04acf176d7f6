import { Failure } from "./failure.js";

/** What was being done when it went wrong. */
export const StageErrorCategory = {
  JOIN_ERROR: "JOIN_ERROR",
  PUBLISH_ERROR: "PUBLISH_ERROR",
  SUBSCRIBE_ERROR: "SUBSCRIBE_ERROR",
} as const;
export type StageErrorCategory = (typeof StageErrorCategory)[keyof typeof StageErrorCategory];

/** What went wrong. */
export const StageErrorCode = {
  TOKEN_MALFORMED: 1,
  TOKEN_EXPIRED: 2,
  TIMEOUT: 3,
  FAILED: 4,
  CANCELED: 5,
  STAGE_AT_CAPACITY: 6,
  CODEC_MISMATCH: 7,
  TOKEN_NOT_ALLOWED: 8,
  STAGE_DELETED: 9,
  PARTICIPANT_DISCONNECTED: 10,
  /** A new token is no token, has expired, or is not for the same stage and participant. */
  TOKEN_EXCHANGE_REQUEST_INVALID: 11,
  /** A token could not be exchanged now; the former one holds. */
  TOKEN_EXCHANGE_FAILED: 12,
} as const;
export type StageErrorCode = (typeof StageErrorCode)[keyof typeof StageErrorCode];

/** An error of a stage: thrown by join(), and told by the ERROR event. */
export class StageError extends Error {
  readonly code: StageErrorCode;
  readonly category: StageErrorCategory;

  constructor(code: StageErrorCode, category: StageErrorCategory, message: string) {
    super(message);
    this.name = "StageError";
    this.code = code;
    this.category = category;
  }
}

/** @internal */
export function stageError(category: StageErrorCategory, cause: unknown): StageError {
  const failure = Failure.of(cause);
  return new StageError(codeOf(failure), category, failure.message);
}

function codeOf({ code, status }: Failure): StageErrorCode {
  if (code in StageErrorCode) return StageErrorCode[code as keyof typeof StageErrorCode];
  if (code === "AT_CAPACITY") return StageErrorCode.STAGE_AT_CAPACITY;
  if (status === 401) return StageErrorCode.TOKEN_MALFORMED;
  if (status === 403) return StageErrorCode.TOKEN_NOT_ALLOWED;
  return StageErrorCode.FAILED;
}
