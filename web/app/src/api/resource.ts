import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, errorWords } from "./client";

type Change<T> = (now: T) => T;

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  /** Asks again and keeps what is shown until the answer is there. */
  reload: () => void;
  /**
   * Changes what is shown without asking. A change that comes while an answer is under way is also made
   * to that answer, which may have been written before it: it has to bear being made twice.
   */
  patch: (change: Change<T>) => void;
}

/** So many changes are kept for an answer under way; the oldest go first, the answer most likely has them. */
const KEPT = 500;

/**
 * Loads one thing, anew whenever `key` changes. A failure that may pass (no answer, 503) is tried
 * again with growing pauses while the page is open; a later failure keeps the data already shown.
 */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  const during = useRef<Change<T>[]>(undefined);
  useEffect(() => {
    latest.current = load;
  });

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let tries = 0;
    const run = async () => {
      const changes: Change<T>[] = [];
      during.current = changes;
      try {
        const answer = await latest.current(stop.signal);
        if (stop.signal.aborted) return;
        setState({ key, data: changes.reduce<T>((now, change) => change(now), answer) });
      } catch (cause) {
        if (stop.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
        setState((now) => (now.key === key ? { ...now, error } : { key, error }));
        if (error.passing) timer = setTimeout(run, error.retryAfter ?? Math.min(1000 * 2 ** tries++, 15_000));
      } finally {
        if (during.current === changes) during.current = undefined;
      }
    };
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const patch = useCallback((change: Change<T>) => {
    during.current?.push(change);
    if (during.current && during.current.length > KEPT) during.current.shift();
    setState((now) => (now.data === undefined ? now : { ...now, data: change(now.data) }));
  }, []);
  const mine = state.key === key;
  return { data: mine ? state.data : undefined, error: mine ? state.error : undefined, reload, patch };
}
