import { Failure } from "./failure.js";

export const canceled = (): Failure => new Failure("CANCELED", "canceled");

/** Resolves after so many milliseconds; rejects with CANCELED as soon as the signal says so. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return within<void>(ms, signal, () => {}).catch((error: unknown) => {
    if (Failure.of(error).code !== "TIMEOUT") throw error;
  });
}

/**
 * A promise that `begin` settles; after `ms` it rejects with TIMEOUT, and when the signal aborts with
 * CANCELED. What `begin` returns is called once it is settled, however that came.
 */
export function within<T>(
  ms: number,
  signal: AbortSignal,
  begin: (done: (value: T) => void, fail: (error: unknown) => void) => (() => void) | void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) {
      reject(canceled());
      return;
    }
    let end: (() => void) | void;
    let settled = false;
    const settle = (act: () => void) => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      end?.();
      act();
    };
    const cancel = () => settle(() => reject(canceled()));
    const timer = setTimeout(
      () => settle(() => reject(new Failure("TIMEOUT", `no answer within ${ms / 1000} s`, { passing: true }))),
      ms,
    );
    signal.addEventListener("abort", cancel);
    end = begin(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error as Error)),
    );
    if (settled) end?.();
  });
}
