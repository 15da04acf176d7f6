import { act, cleanup, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "./client";
import { useResource } from "./resource";

type Words = readonly string[];
interface Asked {
  answer: (words: Words) => void;
  fail: (cause: Error) => void;
  signal: AbortSignal;
}

let asked: Asked[];
const load = (signal: AbortSignal) => new Promise<Words>((answer, fail) => asked.push({ answer, fail, signal }));
const add = (word: string) => (now: Words) => (now.includes(word) ? now : [...now, word]);
const begin = () => renderHook(({ key }) => useResource(key, load), { initialProps: { key: "a" } });

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

it("makes the changes that came before the first answer to that answer, in their order", async () => {
  const { result } = begin();
  act(() => result.current.patch(add("one")));
  act(() => result.current.patch(add("two")));
  expect(result.current.data).toBeUndefined();
  await act(async () => asked[0]!.answer(["old"]));
  expect(result.current.data).toEqual(["old", "one", "two"]);
});

it("shows a change at once while it asks again, and keeps it when the answer comes", async () => {
  const { result } = begin();
  await act(async () => asked[0]!.answer(["old"]));
  act(() => result.current.reload());
  act(() => result.current.patch(add("one")));
  expect(result.current.data).toEqual(["old", "one"]);
  await act(async () => asked[1]!.answer(["old"]));
  expect(result.current.data).toEqual(["old", "one"]);
});

it("leaves an answer alone that was asked for after the change", async () => {
  const { result } = begin();
  act(() => result.current.patch(add("one")));
  await act(async () => asked[0]!.fail(new ApiError(503, "busy")));
  act(() => result.current.patch(add("two")));
  await act(() => vi.advanceTimersByTimeAsync(1_000));
  await act(async () => asked[1]!.answer(["new"]));
  expect(result.current.data).toEqual(["new"]);
  act(() => result.current.patch(add("three")));
  act(() => result.current.reload());
  await act(async () => asked[2]!.answer(["newer"]));
  expect(result.current.data).toEqual(["newer"]);
});

it("does not take the changes or the late answer of one thing for another", async () => {
  const { result, rerender } = begin();
  act(() => result.current.patch(add("of a")));
  rerender({ key: "b" });
  expect(asked[0]!.signal.aborted).toBe(true);
  await act(async () => asked[0]!.answer(["a"]));
  expect(result.current.data).toBeUndefined();
  act(() => result.current.patch(add("of b")));
  await act(async () => asked[1]!.answer(["b"]));
  expect(result.current.data).toEqual(["b", "of b"]);
});

it("keeps a bounded number of changes: the newest", async () => {
  const { result } = begin();
  act(() => {
    for (let i = 0; i < 600; i++) result.current.patch(add(String(i)));
  });
  await act(async () => asked[0]!.answer([]));
  expect(result.current.data).toHaveLength(500);
  expect(result.current.data!.at(-1)).toBe("599");
});
