import { Emitter } from "./emitter.js";
import { StageErrorCategory, stageError } from "./errors.js";
import type { StageEventPayloads } from "./events.js";
import { Failure } from "./failure.js";
import type { StageStrategy } from "./strategy.js";
import { readToken, type TokenPayload } from "./token.js";
import { Visit } from "./visit.js";

const INVALID = "TOKEN_EXCHANGE_REQUEST_INVALID";

/**
 * A stage: people who publish to and receive each other. The strategy says what is wanted, the Stage
 * brings it about and keeps it so across lost networks and restarted servers; events tell what happens.
 * A token holds one connection: who joins with it elsewhere ends this one.
 */
export class Stage extends Emitter<StageEventPayloads> {
  #token: string;
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
        pass: { token: this.#token, payload },
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

  /**
   * Goes on by another token of the same participant and stage, without a break: with other capabilities, another user id,
   * other attributes, or a later end. Everybody hears of it by STAGE_PARTICIPANT_METADATA_CHANGED; what is no longer
   * allowed ends. Rejects with a StageError with code TOKEN_EXCHANGE_REQUEST_INVALID for a token that cannot take the place
   * of this one, else TOKEN_EXCHANGE_FAILED; the former token holds then. A second after one exchange there may be another.
   */
  async exchangeToken(newToken: string): Promise<void> {
    try {
      const payload = newPayload(newToken);
      if (!this.#visit) throw new Failure("FAILED", "the stage is not joined");
      await this.#visit.exchange({ token: newToken, payload });
      this.#token = newToken;
    } catch (cause) {
      const { code, message } = Failure.of(cause);
      const named = new Failure(code === INVALID ? INVALID : "TOKEN_EXCHANGE_FAILED", message);
      const error = stageError(StageErrorCategory.JOIN_ERROR, named);
      this.emit("error", error);
      throw error;
    }
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

function newPayload(token: string): TokenPayload {
  try {
    return readToken(token);
  } catch (cause) {
    throw new Failure(INVALID, Failure.of(cause).message);
  }
}
