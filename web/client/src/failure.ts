/**
 * Why a door of the server stayed closed, or a session broke.
 *
 * `code` is the server's own word where it gave one (problem JSON, member `code`), else one of UNAUTHORIZED,
 * NOT_FOUND, CONFLICT, CODEC_MISMATCH, AT_CAPACITY, NETWORK, TIMEOUT, CANCELED, LOST, FAILED.
 */
export class Failure extends Error {
  readonly code: string;
  /** HTTP status, 0 when there was no answer. */
  readonly status: number;
  /** Whether the same may succeed a little later. */
  readonly passing: boolean;
  /** How long the server asked to wait, in milliseconds. */
  readonly retryAfter: number;

  constructor(code: string, message: string, o: { status?: number; passing?: boolean; retryAfter?: number } = {}) {
    super(message);
    this.name = "Failure";
    this.code = code;
    this.status = o.status ?? 0;
    this.passing = o.passing ?? false;
    this.retryAfter = o.retryAfter ?? 0;
  }

  static of(cause: unknown): Failure {
    if (cause instanceof Failure) return cause;
    return new Failure("FAILED", cause instanceof Error ? cause.message : String(cause));
  }
}
