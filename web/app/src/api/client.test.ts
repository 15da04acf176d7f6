import { afterEach, expect, it, vi } from "vitest";
import { ApiError, request, sentence } from "./client";

const answer = (status: number, body: string, headers: Record<string, string> = {}) =>
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => new Response(status === 204 ? null : body, { status, headers })),
  );

afterEach(() => vi.unstubAllGlobals());

const failed = async (): Promise<ApiError> => {
  const caught = await request("POST", "/api/x", {}).catch((cause: unknown) => cause);
  expect(caught).toBeInstanceOf(ApiError);
  return caught as ApiError;
};

it("carries the server's words as sentences, by field, too", async () => {
  answer(
    400,
    JSON.stringify({ error: { message: "please check the marked fields", fields: { username: "this username is taken" } } }),
  );
  const error = await failed();
  expect(error.message).toBe("Please check the marked fields.");
  expect(error.fields).toEqual({ username: "This username is taken." });
  expect(error.passing).toBe(false);
});

it("carries the word for programs, and none when there is none", async () => {
  answer(410, JSON.stringify({ error: { message: "the invitation has expired", code: "expired" } }));
  expect((await failed()).code).toBe("expired");
  answer(410, "<html>");
  expect((await failed()).code).toBe("");
});

it("has words of its own when the answer is not ours", async () => {
  answer(503, "<html>bad gateway</html>", { "retry-after": "3" });
  const error = await failed();
  expect(error.message).toBe("The server is busy. Try again in a moment.");
  expect(error.passing).toBe(true);
  expect(error.retryAfter).toBe(3000);
});

it("says so when no answer comes", async () => {
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => Promise.reject(new TypeError("network"))),
  );
  const error = await failed();
  expect(error.status).toBe(0);
  expect(error.passing).toBe(true);
});

it("gives nothing for 204 and the body otherwise", async () => {
  answer(204, "");
  await expect(request("POST", "/api/x", {})).resolves.toBeUndefined();
  answer(200, '{"a":1}');
  await expect(request("GET", "/api/x")).resolves.toEqual({ a: 1 });
});

it("passes an abort on as it is", async () => {
  const stop = new AbortController();
  stop.abort();
  vi.stubGlobal(
    "fetch",
    vi.fn(async () => Promise.reject(new DOMException("aborted", "AbortError"))),
  );
  await expect(request("GET", "/api/x", undefined, stop.signal)).rejects.toBeInstanceOf(DOMException);
});

it.each([
  ["stage is gone", "Stage is gone."],
  ["Too short.", "Too short."],
  ["really?", "Really?"],
])("turns %j into %j", (from, to) => {
  expect(sentence(from)).toBe(to);
});
