/**
 * A request that did not succeed, in words for the person in front of the page.
 * `status` is 0 when no answer came at all.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  /** What the server asked us to wait, in milliseconds. */
  readonly retryAfter: number | undefined;
  /** A word for programs, where the same status can mean several things; empty where it cannot. */
  readonly code: string;

  constructor(status: number, message: string, fields: Record<string, string> = {}, retryAfter?: number, code = "") {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.fields = fields;
    this.retryAfter = retryAfter;
    this.code = code;
  }

  /** Worth trying the same request again: nothing is wrong with the request itself. */
  get passing(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

const fallback: Record<number, string> = {
  0: "The server did not answer. Check your connection, then try again.",
  401: "Please sign in first.",
  403: "You may not do this.",
  404: "This does not exist.",
  409: "Somebody was faster. Load the page again.",
  410: "This is over.",
  429: "Too many tries. Wait a moment, then try again.",
  503: "The server is busy. Try again in a moment.",
};

export function errorWords(status: number): string {
  return fallback[status] ?? "The server could not do this. Try again in a moment.";
}

export async function request<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers:
        body === undefined
          ? { accept: "application/json" }
          : { accept: "application/json", "content-type": "application/json" },
      credentials: "same-origin",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ApiError(0, errorWords(0));
  }
  if (response.ok) {
    if (response.status === 204) return undefined as T;
    try {
      return (await response.json()) as T;
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ApiError(0, errorWords(0)); // cut off half-way
    }
  }
  throw await readError(response);
}

async function readError(response: Response): Promise<ApiError> {
  const wait = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfter = Number.isFinite(wait) ? wait * 1000 : undefined;
  try {
    const { error } = (await response.json()) as { error?: { message?: unknown; fields?: unknown; code?: unknown } };
    const message = typeof error?.message === "string" && error.message !== "" ? error.message : errorWords(response.status);
    const code = typeof error?.code === "string" ? error.code : "";
    return new ApiError(response.status, sentence(message), readFields(error?.fields), retryAfter, code);
  } catch {
    return new ApiError(response.status, errorWords(response.status), {}, retryAfter);
  }
}

function readFields(fields: unknown): Record<string, string> {
  if (typeof fields !== "object" || fields === null) return {};
  const out: Record<string, string> = {};
  for (const [name, words] of Object.entries(fields)) if (typeof words === "string") out[name] = sentence(words);
  return out;
}

/** The server's messages begin small and end bare, as Go errors do; on a page they are sentences. */
export function sentence(words: string): string {
  const trimmed = words.trim();
  if (trimmed === "") return trimmed;
  const begun = trimmed[0]!.toUpperCase() + trimmed.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
