import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, errorWords } from "../../api/client";
import { api } from "../../api/endpoints";
import type { HealthHistory, StreamHealth } from "../../api/types";

/** The service measures in steps of five seconds. */
export const STEP = 5;
/** So much is shown: ten minutes. */
export const SHOWN = 600 / STEP;

const EVERY = 5_000;
const LATER = 15_000;

export type Standing =
  | { state: "loading" }
  /** The service behind this site does not measure. */
  | { state: "absent" }
  | { state: "failed"; error: ApiError }
  | { state: "off" }
  /** `waitsUntil`: when the stream ends unless its encoder is back, by this device's clock; undefined while it is there. */
  | { state: "live"; stream: StreamHealth; history: HealthHistory; stale: boolean; waitsUntil: number | undefined };

/** Adds what is new to what was shown, and drops what is older than ten minutes. */
export function joined(old: HealthHistory | undefined, fresh: HealthHistory): HealthHistory {
  const last = old?.times.at(-1) ?? 0;
  const from = fresh.times.findIndex((t) => t > last);
  const add = <T>(a: T[] | undefined, b: T[]) => [...(a ?? []), ...(from < 0 ? [] : b.slice(from))].slice(-SHOWN);
  return {
    times: add(old?.times, fresh.times),
    bitrate: add(old?.bitrate, fresh.bitrate),
    frameRate: add(old?.frameRate, fresh.frameRate),
    keyframes: add(old?.keyframes, fresh.keyframes),
    viewers: add(old?.viewers, fresh.viewers),
  };
}

export type StreamHealthView = { standing: Standing; retry: () => void };

/** How the own stream does, asked every five seconds while the page is in view. A change of `news`, which the
 * live feed brings, has it asked at once; nothing is asked while that is undefined. */
export function useStreamHealth(news: string | undefined): StreamHealthView {
  const [standing, setStanding] = useState<Standing>({ state: "loading" });
  const [round, setRound] = useState(0);
  const kept = useRef<{ stream: string; history: HealthHistory }>(undefined);
  useEffect(() => {
    if (news === undefined) return;
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      let pause = EVERY;
      try {
        const answer = await api.streamHealth(kept.current?.history.times.at(-1), stop.signal);
        if (!answer.available) {
          setStanding({ state: "absent" });
          return; // it will not come while this page is open
        }
        if (answer.stream && answer.history) {
          const waitsUntil = answer.wait === null ? undefined : Date.now() + answer.wait * 1000;
          const old = kept.current?.stream === answer.stream.streamId ? kept.current.history : undefined;
          kept.current = { stream: answer.stream.streamId, history: joined(old, answer.history) };
          setStanding({ state: "live", stream: answer.stream, history: kept.current.history, stale: false, waitsUntil });
        } else {
          kept.current = undefined;
          setStanding({ state: "off" });
          pause = LATER;
        }
      } catch (cause) {
        if (stop.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
        setStanding((now) => (now.state === "live" ? { ...now, stale: true } : { state: "failed", error }));
        if (error.status === 401) return;
        pause = error.retryAfter ?? LATER;
      }
      if (!stop.signal.aborted) timer = setTimeout(next, pause);
    };
    // While nobody looks the next question waits until somebody does.
    let due = false;
    const next = () => {
      due = document.visibilityState !== "visible";
      if (!due) void ask();
    };
    const seen = () => {
      if (due) next();
    };
    document.addEventListener("visibilitychange", seen);
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [news, round]);
  const retry = useCallback(() => {
    setStanding({ state: "loading" });
    setRound((n) => n + 1);
  }, []);
  return { standing, retry };
}
