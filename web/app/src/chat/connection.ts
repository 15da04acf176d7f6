import { Backoff } from "../api/backoff";
import { ApiError } from "../api/client";
import type { ChatToken } from "../api/types";
import { type Action, type Frame, readFrame } from "./frames";

export type ConnectionState =
  | { name: "connecting" }
  | { name: "open" }
  /** Lost or not yet had; the next try is under way or planned. */
  | { name: "waiting" }
  /** The room does not take anybody now; we look again from time to time. */
  | { name: "refused"; message: string }
  /** Somebody with the right to do so ended our connection. */
  | { name: "removed"; reason: string };

export interface ConnectionOptions {
  /** Fetches a token; each is good for one connection. */
  token: (signal: AbortSignal) => Promise<ChatToken>;
  onFrame: (frame: Frame) => void;
  onState: (state: ConnectionState) => void;
  onIdentity: (token: ChatToken) => void;
  now?: () => number;
  random?: () => number;
}

/** How long before the end of a session the next one is opened. */
const RENEW_BEFORE = 60_000;
const LEAST_SESSION = 30_000;
/** A connection that lasted this long was a good one: the pauses start small again. */
const GOOD_AFTER = 5_000;
const REFUSED_PAUSE = 30_000;
/** How many lines of before one is shown at first, and how many of those missed afterwards. */
const BEFORE = 50;
const MISSED = 250;

/**
 * One person's way into one chat room, kept open: it reconnects with growing pauses and a new token
 * each time, and moves to a new session before the old one ends, with both open for a moment so that
 * nothing is missed (frames may then come twice; their ids tell). It ends for good only when closed
 * or when a moderator disconnects this person; `connect` begins again.
 */
export class ChatConnection {
  readonly #options: ConnectionOptions;
  readonly #now: () => number;
  readonly #backoff: Backoff;
  #socket: WebSocket | undefined;
  #userId = "";
  /** The last frame that everybody heard: what came after it is asked for by the next connection. */
  #last = "";
  #asking: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #good: ReturnType<typeof setTimeout> | undefined;
  #removed: string | undefined;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#backoff = new Backoff(500, 15_000, options.random);
  }

  /** Begins, or begins again after a removal. */
  connect(): void {
    this.#stop();
    this.#closed = false;
    this.#removed = undefined;
    this.#backoff.reset();
    this.#options.onState({ name: "connecting" });
    void this.#open(false);
    addEventListener("online", this.#hurry);
  }

  close(): void {
    this.#closed = true;
    this.#stop();
  }

  /** Puts an action on the wire; false when there is no wire now. */
  send(action: Action): boolean {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(action));
    return true;
  }

  /**
   * Gives up a wire that does not carry any more: a browser may notice its end many minutes late, and
   * waits long for the end of one it is told to close.
   */
  restart(): void {
    const socket = this.#socket;
    if (!socket) return; // the next one is already under way
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(1000);
    this.#asking?.abort(); // a renewal's token, asked for over the same network
    this.#asking = undefined;
    this.#lost(socket);
  }

  #stop(): void {
    removeEventListener("online", this.#hurry);
    for (const timer of [this.#retry, this.#renewal, this.#good]) clearTimeout(timer);
    this.#retry = undefined;
    this.#asking?.abort();
    this.#asking = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
  }

  /** Fetches a token and opens a socket with it; as a renewal it leaves the present one alone until then. */
  async #open(renewal: boolean): Promise<void> {
    const asking = new AbortController();
    this.#asking?.abort();
    this.#asking = asking;
    let token: ChatToken;
    try {
      token = await this.#options.token(asking.signal);
    } catch (cause) {
      if (this.#asking !== asking || this.#closed) return;
      this.#asking = undefined;
      this.#noToken(cause, renewal);
      return;
    }
    if (this.#asking !== asking || this.#closed) return;
    this.#asking = undefined;
    let socket: WebSocket;
    try {
      socket = new WebSocket(this.#address(token), token.token);
    } catch {
      this.#again(renewal);
      return;
    }
    let opened = false;
    socket.onopen = () => {
      if (this.#closed || this.#removed !== undefined) {
        socket.close(1000);
        return;
      }
      opened = true;
      const before = this.#socket;
      this.#socket = socket;
      this.#userId = token.userId;
      before?.close(1000);
      this.#plan(token);
      this.#options.onIdentity(token);
      this.#options.onState({ name: "open" });
    };
    socket.onmessage = (event: MessageEvent) => this.#receive(socket, event.data);
    socket.onclose = () => {
      if (this.#closed) return;
      if (opened) this.#lost(socket);
      else this.#again(renewal);
    };
  }

  #address({ endpoint, past }: ChatToken): string {
    if (!past) return endpoint;
    const url = new URL(endpoint);
    url.searchParams.set("history", String(this.#last ? MISSED : BEFORE));
    if (this.#last) url.searchParams.set("after", this.#last);
    return url.href;
  }

  #receive(socket: WebSocket, data: unknown): void {
    const frame = readFrame(data);
    if (!frame || this.#closed) return;
    if (socket === this.#socket && frame.type !== "error") this.#last = frame.id;
    if (socket === this.#socket && frame.type === "event" && frame.name === "aws:DISCONNECT_USER") {
      if (frame.attributes["UserId"] === this.#userId) this.#removed = frame.attributes["Reason"] ?? "";
    }
    this.#options.onFrame(frame);
    if (this.#removed !== undefined && socket === this.#socket) this.#leave();
  }

  #leave(): void {
    const reason = this.#removed ?? "";
    this.#stop();
    this.#options.onState({ name: "removed", reason });
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return; // the old one of a renewal
    this.#socket = undefined;
    clearTimeout(this.#renewal);
    clearTimeout(this.#good);
    this.#again(false);
  }

  #plan(token: ChatToken): void {
    clearTimeout(this.#good);
    clearTimeout(this.#renewal);
    this.#good = setTimeout(() => this.#backoff.reset(), GOOD_AFTER);
    const left = Date.parse(token.sessionExpirationTime) - this.#now() - RENEW_BEFORE;
    if (!Number.isNaN(left)) this.#renewal = setTimeout(() => void this.#open(true), Math.max(left, LEAST_SESSION));
  }

  #noToken(cause: unknown, renewal: boolean): void {
    const error = cause instanceof ApiError ? cause : undefined;
    if (!error || error.passing || error.status === 429 || renewal) {
      this.#again(renewal, error?.retryAfter);
      return;
    }
    this.#options.onState({ name: "refused", message: error.message });
    this.#retry = setTimeout(() => void this.#open(false), REFUSED_PAUSE);
  }

  #again(renewal: boolean, atLeast = 0): void {
    if (this.#closed || this.#removed !== undefined) return;
    if (!renewal) {
      if (this.#socket || this.#asking) return; // another way in is already open or being opened
      this.#options.onState({ name: "waiting" });
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(
      () => {
        this.#retry = undefined;
        // A renewal that outlives the session it was to follow is an ordinary new connection.
        void this.#open(renewal && this.#socket !== undefined);
      },
      Math.max(this.#backoff.next(), atLeast),
    );
  }

  /** The network is back: do not sit out a pause. */
  #hurry = (): void => {
    if (this.#closed || this.#socket || this.#asking || this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    void this.#open(false);
  };
}
