import { Failure } from "./failure.js";
import { type Frame, readFrame } from "./frames.js";
import type { Connection } from "./keeper.js";
import { StageErrorCode } from "./errors.js";
import { canceled, within } from "./wait.js";

const STATE_WITHIN = 8_000;
/** The server speaks every 25 s at least. */
const SILENCE = 40_000;
const PROBE_WITHIN = 4_000;
const EXCHANGE_WITHIN = 10_000;

/** Reasons of DISCONNECTED after which nobody is to come back. */
const FINAL = ["participant-disconnected", "stage-deleted", "token-reused"];

/** Refusals that may be others a little later. */
const PASSING_CODES = ["STAGE_AT_CAPACITY", "TIMEOUT", "FAILED"];

export interface LineOptions {
  /** `<events_url>/<topic>` */
  url: string;
  /** The participant token, which goes as the subprotocol. */
  token: string;
  /** Takes STAGE_STATE, which is the first, and what tells of changes. */
  receive: (frame: Frame & { type: "STAGE_STATE" | "STAGE_UPDATE" | "SLOTS" | "LAYERS" }) => void;
}

/** One connection of the stage events socket, open from STAGE_STATE on. */
export class Line implements Connection {
  readonly lost: Promise<Failure>;
  readonly #socket: WebSocket;
  readonly #options: LineOptions;
  #lose!: (why: Failure) => void;
  #over = false;
  #watch: ReturnType<typeof setTimeout> | undefined;
  #welcome: (() => void) | undefined;
  /** Takes the answer to EXCHANGE_TOKEN. */
  #exchanged: ((refusal?: Failure) => void) | undefined;

  /** Connects; rejects with a Failure. */
  static async open(options: LineOptions, signal: AbortSignal): Promise<Line> {
    if (signal.aborted) throw canceled();
    const line = new Line(options);
    try {
      await within<void>(STATE_WITHIN, signal, (done, fail) => {
        line.#welcome = done;
        void line.lost.then(fail);
      });
      return line;
    } catch (error) {
      void line.close();
      throw error;
    }
  }

  private constructor(options: LineOptions) {
    this.#options = options;
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.#socket = new WebSocket(options.url, options.token);
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = () => this.break("the events socket was closed");
  }

  /** Puts a frame on the wire; false when there is none now. */
  send(type: string, payload?: object): boolean {
    if (this.#over || this.#socket.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(payload ? { type, payload } : { type }));
    return true;
  }

  /** Has the server take another token of the same participant. Rejects with a Failure if it does not; one at a time. */
  exchange(token: string, signal: AbortSignal): Promise<void> {
    return within<void>(EXCHANGE_WITHIN, signal, (done, fail) => {
      this.#exchanged = (refusal) => (refusal ? fail(refusal) : done());
      void this.lost.then(fail);
      if (!this.send("EXCHANGE_TOKEN", { token })) fail(new Failure("LOST", "the events socket is closed"));
      return () => (this.#exchanged = undefined);
    });
  }

  /** Makes sure that the wire still carries: a browser may notice its end many minutes late. */
  probe(): void {
    if (this.#over || !this.send("PING")) return;
    this.#listen(PROBE_WITHIN);
  }

  #listen(ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.break("the events socket went silent"), ms);
  }

  #receive(data: unknown): void {
    if (this.#over) return;
    this.#listen(SILENCE);
    const frame = readFrame(data);
    switch (frame?.type) {
      case "PING":
        this.send("PONG");
        break;
      case "STAGE_STATE":
      case "STAGE_UPDATE":
      case "SLOTS":
      case "LAYERS":
        if (frame.type === "STAGE_STATE") this.#welcome?.();
        this.#options.receive(frame);
        break;
      case "TOKEN_EXCHANGED":
        this.#exchanged?.();
        break;
      case "TOKEN_EXCHANGE_REFUSED":
        this.#exchanged?.(new Failure(frame.code, frame.message));
        break;
      case "DISCONNECTED":
        this.#end(new Failure(frame.reason, "the server ended the visit", { passing: !FINAL.includes(frame.reason) }));
        break;
      case "ERROR": {
        const passing = !(frame.code in StageErrorCode) || PASSING_CODES.includes(frame.code);
        this.#end(new Failure(frame.code, frame.message || "the server refused the token", { passing }));
        break;
      }
    }
  }

  #end(why: Failure): void {
    this.#over = true;
    clearTimeout(this.#watch);
    this.#lose(why);
  }

  break(why: string): void {
    this.#end(new Failure("LOST", why, { passing: true }));
  }

  async close(): Promise<void> {
    this.#end(canceled());
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close(1000);
  }
}
