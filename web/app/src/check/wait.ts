/** A signal that comes with another one, or when time is up. (AbortSignal.any is younger than the browsers that are checked.) */
export function timed(signal: AbortSignal, ms: number): AbortSignal {
  const both = new AbortController();
  const timer = setTimeout(() => both.abort(new DOMException("too late", "TimeoutError")), ms);
  const stop = () => {
    clearTimeout(timer);
    both.abort(signal.reason);
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return both.signal;
}

/** Waits; rejects when the signal comes first. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** What `watch` ends with: it is given the end, and gives what undoes it. `instead` when time is up, or the signal comes. */
export function within<T>(
  ms: number,
  signal: AbortSignal,
  instead: T,
  watch: (end: (value: T) => void) => () => void,
): Promise<T> {
  return new Promise((resolve) => {
    let undo: (() => void) | undefined;
    let over = false;
    const end = (value: T) => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      undo?.();
      resolve(value);
    };
    const stop = () => end(instead);
    const timer = setTimeout(stop, ms);
    signal.addEventListener("abort", stop);
    undo = watch(end);
    if (over) undo();
    else if (signal.aborted) stop();
  });
}
