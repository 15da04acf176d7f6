import { ApiError } from "../../api/client";

/** How often, and how patiently, a busy server is asked again before the person has to. */
const TRIES = 5;

/**
 * Runs a request that is safe to repeat; while the server says 503 or does not answer, waits and asks again.
 * `onWait` hears that it takes longer.
 */
export async function attempt<T>(run: () => Promise<T>, onWait: () => void, pause = wait): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await run();
    } catch (cause) {
      if (!(cause instanceof ApiError) || !cause.passing || n === TRIES) throw cause;
      onWait();
      await pause(Math.min(cause.retryAfter ?? 1000 * n, 10_000));
    }
  }
}

const wait = (time: number) => new Promise<void>((done) => setTimeout(done, time));
