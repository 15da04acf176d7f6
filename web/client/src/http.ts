import { Failure } from "./failure.js";

/** An answer, read wholly. */
export interface Reply {
  status: number;
  headers: Headers;
  /** Where it came from, after redirects. */
  url: string;
  text: string;
}

/** One request; rejects with a Failure when no whole answer came in time. */
export async function request(url: string, init: RequestInit, ms: number): Promise<Reply> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), ms);
  try {
    const response = await fetch(url, { ...init, signal: giveUp.signal });
    const { status, headers } = response;
    return { status, headers, url: response.url || url, text: await response.text() };
  } catch {
    const late = giveUp.signal.aborted;
    throw late
      ? new Failure("TIMEOUT", "the server does not answer", { passing: true })
      : new Failure("NETWORK", "the server cannot be reached", { passing: true });
  } finally {
    clearTimeout(timer);
  }
}

/** What an answer means that was not the one hoped for. */
export function refusal({ status, headers, text }: Reply): Failure {
  const problem = readProblem(text);
  const seconds = Number(headers.get("Retry-After") ?? 0);
  return new Failure(problem.code ?? codeOf(status), problem.text ?? `the server answered ${status}`, {
    status,
    passing: status >= 500 || status === 408 || status === 409 || status === 429,
    retryAfter: Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) * 1000 : 0,
  });
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

/** Problem details (RFC 9457), as far as there are any. */
function readProblem(text: string): { code?: string; text?: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return {};
  }
  if (typeof value !== "object" || value === null) return {};
  const { code, detail, title } = value as Record<string, unknown>;
  const words = typeof detail === "string" ? detail : title;
  return {
    ...(typeof code === "string" && code !== "" ? { code } : {}),
    ...(typeof words === "string" && words !== "" ? { text: words } : {}),
  };
}
