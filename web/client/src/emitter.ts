/** Says an error of the caller's code (a listener, a strategy) aloud, as the browser does for event listeners. */
export function report(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else console.error(error);
}

type Handler = (...args: unknown[]) => void;

/** Events by name. A listener that throws hinders nobody: its error is reported. */
export class Emitter<Events extends { [name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Handler>>();

  /** Calls `listener` for every event of this name; adding the same one twice adds it once. */
  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener as Handler);
    return this;
  }

  /** Takes a listener away, or all of this name. */
  off<Name extends keyof Events>(name: Name, listener?: (...args: Events[Name]) => void): this {
    if (listener) this.#listeners.get(name)?.delete(listener as Handler);
    else this.#listeners.delete(name);
    return this;
  }

  /** @internal */
  emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        report(error);
      }
    }
  }
}
