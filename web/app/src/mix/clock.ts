/** Calls back every `interval` milliseconds, also in a hidden tab, until the returned function is called. */
export function startClock(interval: number, tick: () => void): () => void {
  let worker: Worker;
  try {
    worker = new Worker(new URL("./clock.worker.ts", import.meta.url), { type: "module", name: "mixer clock" });
  } catch {
    const timer = setInterval(tick, interval); // slower while hidden, but going
    return () => clearInterval(timer);
  }
  let fallback: ReturnType<typeof setInterval> | undefined;
  worker.onmessage = tick;
  worker.onerror = () => {
    fallback ??= setInterval(tick, interval); // its file did not come
  };
  worker.postMessage(interval);
  return () => {
    worker.terminate();
    clearInterval(fallback);
  };
}
