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

  /** Reads an answer that was not the one hoped for. Never rejects. */
  static async fromResponse(response: Response): Promise<Failure> {
    const { status } = response;
    const problem = await readProblem(response);
    const seconds = Number(response.headers.get("Retry-After") ?? 0);
    return new Failure(problem.code ?? codeOf(status), problem.text ?? `the server answered ${status}`, {
      status,
      passing: status >= 500 || status === 408 || status === 409 || status === 429,
      retryAfter: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) * 1000 : 0,
    });
  }
}

function codeOf(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return "UNAUTHORIZED";
    case 404:
      return "NOT_FOUND";
    case 409:
      return "CONFLICT";
    case 422:
      return "CODEC_MISMATCH";
    case 503:
      return "AT_CAPACITY";
  }
  return "FAILED";
}

async function readProblem(response: Response): Promise<{ code?: string; text?: string }> {
  if (!/json/.test(response.headers.get("Content-Type") ?? "")) return {};
  try {
    const { code, detail, title } = (await response.json()) as Record<string, unknown>;
    const text = typeof detail === "string" ? detail : title;
    return {
      ...(typeof code === "string" ? { code } : {}),
      ...(typeof text === "string" ? { text } : {}),
    };
  } catch {
    return {};
  }
}
