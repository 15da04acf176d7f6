import { useCallback, useEffect, useRef, useState } from "react";
import { ApiError, errorWords } from "./client";

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  /** Asks again and keeps what is shown until the answer is there. */
  reload: () => void;
  /** Changes what is shown without asking; does nothing before the first answer. */
  patch: (change: (now: T) => T) => void;
}

/**
 * Loads one thing, anew whenever `key` changes. A failure that may pass (no answer, 503) is tried
 * again with growing pauses while the page is open; a later failure keeps the data already shown.
 */
export function useResource<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: ApiError }>({ key });
  const [round, setRound] = useState(0);
  const latest = useRef(load);
  useEffect(() => {
    latest.current = load;
  });

  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let tries = 0;
    const run = async () => {
      try {
        const data = await latest.current(stop.signal);
        setState({ key, data });
      } catch (cause) {
        if (stop.signal.aborted) return;
        const error = cause instanceof ApiError ? cause : new ApiError(0, errorWords(0));
        setState((now) => (now.key === key ? { ...now, error } : { key, error }));
        if (error.passing) timer = setTimeout(run, error.retryAfter ?? Math.min(1000 * 2 ** tries++, 15_000));
      }
    };
    void run();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [key, round]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const patch = useCallback(
    (change: (now: T) => T) => setState((now) => (now.data === undefined ? now : { ...now, data: change(now.data) })),
    [],
  );
  const mine = state.key === key;
  return { data: mine ? state.data : undefined, error: mine ? state.error : undefined, reload, patch };
}
