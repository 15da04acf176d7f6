import { Emitter } from "./emitter.js";
import { StageErrorCategory, stageError } from "./errors.js";
import type { StageEventPayloads } from "./events.js";
import type { StageStrategy } from "./strategy.js";
import { readToken, type TokenPayload } from "./token.js";
import { Visit } from "./visit.js";

/**
 * A stage: people who publish to and receive each other. The strategy says what is wanted, the Stage
 * brings it about and keeps it so across lost networks and restarted servers; events tell what happens.
 * A token holds one connection: who joins with it elsewhere ends this one.
 */
export class Stage extends Emitter<StageEventPayloads> {
  readonly #token: string;
  #strategy: StageStrategy;
  #visit: Visit | undefined;

  /** `token` is a participant token, as CreateParticipantToken gives it or signed by the application. */
  constructor(token: string, strategy: StageStrategy) {
    super();
    this.#token = token;
    this.#strategy = strategy;
  }

  /**
   * Joins; resolves when the stage has told who is there, rejects with a StageError. On a stage joined
   * already, or being joined, it gives the promise of that.
   */
  async join(): Promise<void> {
    if (!this.#visit) {
      let payload: TokenPayload;
      try {
        payload = readToken(this.#token);
      } catch (cause) {
        const error = stageError(StageErrorCategory.JOIN_ERROR, cause);
        this.emit("error", error);
        throw error;
      }
      const visit: Visit = new Visit({
        token: this.#token,
        payload,
        strategy: () => this.#strategy,
        events: this,
        ended: () => {
          if (this.#visit === visit) this.#visit = undefined;
        },
      });
      this.#visit = visit;
      visit.begin();
      return visit.joined;
    }
    return this.#visit.joined;
  }

  /** Leaves: publishes and receives no more. The tracks that were published go on; they are the caller's. */
  leave(): void {
    this.#visit?.leave();
  }

  /** Asks the strategy again; call it when its answers have changed. What had failed is tried again. */
  refreshStrategy(): void {
    this.#visit?.recompute(true);
  }

  /** Asks another strategy from now on. */
  replaceStrategy(strategy: StageStrategy): void {
    this.#strategy = strategy;
    this.refreshStrategy();
  }
}
