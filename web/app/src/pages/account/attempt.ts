import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import type { User } from "../../api/types";

const wait = (time: number) => new Promise<void>((done) => setTimeout(done, time));

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

/**
 * Registers, patiently. If an answer was lost on the way, the next try finds the name taken, by
 * ourselves: the same name and password then simply sign in.
 */
export async function registerPatiently(username: string, password: string, onWait: () => void, pause = wait): Promise<User> {
  let tries = 0;
  const run = async () => {
    tries += 1;
    try {
      return await api.register(username, password);
    } catch (taken) {
      if (tries === 1 || !(taken instanceof ApiError) || taken.status !== 409) throw taken;
      try {
        return await api.signIn(username, password);
      } catch {
        throw taken;
      }
    }
  };
  return (await attempt(run, onWait, pause)).user;
}
