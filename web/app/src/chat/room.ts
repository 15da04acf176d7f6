import type { ChatState, ChatToken } from "../api/types";
import { ChatConnection, type ConnectionState } from "./connection";
import { type EventFrame, type Frame, type MessageFrame, requestId } from "./frames";
import { type Order, blankOrder, hear, learned, refused, troubleWords, wrote } from "./order";

export interface Line {
  key: string;
  /** "mark" stands between what was said before one came and after. */
  kind: "message" | "note" | "mark";
  /** The server's id; empty until it has answered. */
  id: string;
  userId: string;
  name: string;
  guest: boolean;
  host: boolean;
  mod: boolean;
  text: string;
  /** Id of the message it answers; empty: none. */
  replyTo: string;
  sentAt: number;
  /** vanished: of somebody who was banned or timed out; nothing is shown in its place. */
  state: "sent" | "pending" | "failed" | "removed" | "vanished";
  /** Why it failed, in words. */
  trouble: string;
}

export interface RoomView {
  state: ConnectionState;
  me: Me | undefined;
  lines: readonly Line[];
  /** How many lines there ever were: tells what came while somebody read further up. */
  total: number;
  /** How many of them were written here: whoever writes wants to see it. */
  written: number;
  /** More than ten lines in the last minute: too many to be read aloud. */
  busy: boolean;
  /** The room tells what was said before one came. */
  past: boolean;
  order: Order;
}

export interface Me {
  userId: string;
  name: string;
  guest: boolean;
  mayWrite: boolean;
  mayDelete: boolean;
  mayDisconnect: boolean;
}

/** Something the room was told that is no message: by the service, or by the app in its own name. */
export interface RoomEvent {
  name: string;
  attributes: Readonly<Record<string, string>>;
}

export interface RoomOptions {
  token: (signal: AbortSignal) => Promise<ChatToken>;
  /** Asks how the chat is kept in order. */
  order?: (signal: AbortSignal) => Promise<ChatState>;
}

const KEEP = 250;
const SEEN = 2_000;
const UNANSWERED = 10_000;
const BATCH = 100;

/** A chat room as a page shows it: the lines, what became of one's own, and who one is here. */
export class ChatRoom {
  readonly #connection: ChatConnection;
  readonly #listeners = new Set<() => void>();
  readonly #ears = new Set<(event: RoomEvent) => void>();
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #asked = new Map<string, string>();
  #recent: number[] = [];
  #lines: Line[] = [];
  #total = 0;
  #written = 0;
  #state: ConnectionState = { name: "connecting" };
  #me: Me | undefined;
  #order: Order = blankOrder;
  readonly #askOrder: RoomOptions["order"];
  #asking: AbortController | undefined;
  /** Whose messages were under way when the wire broke: they may have arrived. */
  readonly #unsure = new Set<string>();
  /** Those whose disconnection needs no word of its own. */
  readonly #banned = new Set<string>();
  /** What was sent before is the past; 0: the room tells none. Fixed by the first connection: later ones bring what was missed. */
  #pastUntil: number | undefined;
  #marked = true;
  #view: RoomView;
  #flush: ReturnType<typeof setTimeout> | undefined;

  constructor({ token, order }: RoomOptions) {
    this.#askOrder = order;
    this.#view = this.#look();
    this.#connection = new ChatConnection({
      token,
      onFrame: (frame) => this.#take(frame),
      onState: (state) => {
        this.#state = state;
        if (state.name !== "open") this.#breakOff();
        else void this.#learn();
        this.#changed(true);
      },
      onIdentity: (t) => {
        this.#pastUntil ??= (t.past ? Date.parse(t.past) : 0) || 0;
        const may = (what: string) => t.capabilities.includes(what);
        this.#me = {
          userId: t.userId,
          name: t.displayName,
          guest: t.userId.startsWith("guest-"),
          mayWrite: may("SEND_MESSAGE"),
          mayDelete: may("DELETE_MESSAGE"),
          mayDisconnect: may("DISCONNECT_USER"),
        };
        this.#changed(true);
      },
    });
  }

  open(): void {
    this.#connection.connect();
  }

  close(): void {
    this.#connection.close();
    this.#asking?.abort();
    clearTimeout(this.#flush);
    this.#flush = undefined;
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  subscribe = (told: () => void): (() => void) => {
    this.#listeners.add(told);
    return () => this.#listeners.delete(told);
  };

  view = (): RoomView => this.#view;

  /** Hears every event of the room, each once. */
  listen(told: (event: RoomEvent) => void): () => void {
    this.#ears.add(told);
    return () => this.#ears.delete(told);
  }

  /** Says something between the lines that nobody else reads. */
  note(text: string): void {
    this.#note(text);
    this.#changed(true);
  }

  /** Shows the message at once and sends it, as an answer to another one's id; what becomes of it is told by the line's state. */
  send(text: string, replyTo = ""): void {
    const me = this.#me;
    if (!me) return;
    const key = requestId();
    this.#written += 1;
    this.#add({
      key,
      kind: "message",
      id: "",
      userId: me.userId,
      name: me.name,
      guest: me.guest,
      host: this.#order.role ? this.#order.role === "owner" : me.mayDelete,
      mod: this.#order.role === "moderator",
      text,
      replyTo,
      sentAt: Date.now(),
      state: "pending",
      trouble: "",
    });
    if (
      this.#connection.send({
        Action: "SEND_MESSAGE",
        RequestId: key,
        Content: text,
        ...(replyTo ? { Attributes: { replyTo } } : {}),
      })
    ) {
      this.#waiting.set(
        key,
        setTimeout(() => {
          this.#unsure.add(key);
          this.#fail(key, "No answer came. It may not have arrived.");
          this.#connection.restart();
        }, UNANSWERED),
      );
    } else {
      this.#fail(key, "Not sent: chat is not connected.");
    }
    this.#changed(true);
  }

  /** Sends a failed message once more, as a new one. */
  retry(key: string): void {
    const line = this.#lines.find((l) => l.key === key && l.state === "failed");
    if (!line) return;
    this.dismiss(key);
    this.send(line.text, line.replyTo);
  }

  dismiss(key: string): void {
    this.#lines = this.#lines.filter((l) => l.key !== key);
    this.#changed(true);
  }

  deleteMessage(line: Line): void {
    this.#ask(`Not deleted: ${line.name}’s message`, (id) =>
      this.#connection.send({ Action: "DELETE_MESSAGE", RequestId: id, Id: line.id, Reason: "Removed by the streamer" }),
    );
  }

  disconnectUser(line: Line): void {
    this.#ask(`Not disconnected: ${line.name}`, (id) =>
      this.#connection.send({
        Action: "DISCONNECT_USER",
        RequestId: id,
        UserId: line.userId,
        Reason: "Disconnected by the streamer",
      }),
    );
  }

  #ask(failure: string, send: (id: string) => boolean): void {
    const id = requestId();
    if (send(id)) this.#asked.set(id, failure);
    else this.#note(`${failure}. Chat is not connected.`);
    this.#changed(true);
  }

  #take(frame: Frame): void {
    if (this.#seen.has(frame.id)) return; // told twice while one session handed over to the next
    this.#seen.add(frame.id);
    if (this.#seen.size > SEEN) this.#seen.delete(this.#seen.values().next().value!);
    if (frame.type === "message") this.#message(frame);
    else if (frame.type === "error") this.#trouble(frame.requestId, frame.code, frame.message);
    else {
      this.#asked.delete(frame.requestId);
      this.#event(frame);
    }
    this.#changed(false);
  }

  #message(frame: MessageFrame): void {
    const past = this.#isPast(frame);
    const line: Line = {
      key: frame.id,
      kind: "message",
      id: frame.id,
      ...person(frame),
      text: frame.content,
      replyTo: frame.attributes["replyTo"] ?? "",
      sentAt: frame.sentAt,
      state: "sent",
      trouble: "",
    };
    const at = frame.sender.userId === this.#me?.userId ? this.#ownLine(frame) : -1;
    if (at >= 0) {
      const { key } = this.#lines[at]!;
      this.#settle(key);
      this.#unsure.delete(key);
      this.#lines = this.#lines.with(at, { ...line, key });
      this.#order = wrote(this.#order, Date.now());
      return;
    }
    if (past) this.#marked = false;
    else if (!this.#marked) {
      this.#marked = true;
      this.#say("mark", "New since you came");
    }
    this.#add(line);
  }

  /** The line that was shown before the server had it; one told late, as missed, has lost its request id. */
  #ownLine(frame: MessageFrame): number {
    if (frame.requestId !== "") return this.#lines.findIndex((l) => l.key === frame.requestId);
    return this.#lines.findIndex((l) => this.#unsure.has(l.key) && l.state === "failed" && l.text === frame.content);
  }

  #isPast = (frame: MessageFrame | EventFrame): boolean => frame.sentAt < (this.#pastUntil ?? 0);

  #event(frame: EventFrame): void {
    if (this.#isPast(frame)) return; // no news: what stands is asked for
    const { name, attributes } = frame;
    const heard = hear(this.#order, name, attributes, this.#me?.userId, this.#nameOf, Date.now());
    if (heard) {
      const [order, { note, vanished, ask }] = heard;
      this.#order = order;
      if (name === "streamcat:BAN_USER") this.#banned.add(attributes["UserId"] ?? "");
      if (note) this.#note(note);
      if (vanished)
        this.#lines = this.#lines.map((l) => (l.kind === "message" && l.userId === vanished ? { ...l, state: "vanished" } : l));
      if (ask || this.#asking) void this.#learn(); // an answer under way may be older than this
    }
    for (const told of this.#ears) told({ name, attributes });
    if (name === "aws:DELETE_MESSAGE") {
      const id = attributes["MessageID"] ?? attributes["MessageId"];
      this.#lines = this.#lines.map((l) => (l.id === id && l.id !== "" ? { ...l, state: "removed", text: "" } : l));
    } else if (name === "aws:DISCONNECT_USER") {
      const userId = attributes["UserId"];
      if (this.#banned.delete(userId ?? "")) return;
      if (userId !== this.#me?.userId) this.#note(`${this.#nameOf(userId ?? "")} was disconnected from chat`);
    }
  }

  #nameOf = (userId: string): string => this.#lines.findLast((l) => l.userId === userId)?.name ?? "Somebody";

  /** Asks how the chat is kept in order. Where that is not known nothing of it is shown. */
  async #learn(): Promise<void> {
    if (!this.#askOrder) return;
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const state = await this.#askOrder(asking.signal);
      if (this.#asking !== asking) return;
      this.#order = learned(this.#order, state);
    } catch {
      // The chat works without.
    }
    if (this.#asking !== asking) return;
    this.#asking = undefined;
    this.#changed(true);
  }

  #trouble(id: string, code: number, message: string): void {
    const asked = this.#asked.get(id);
    if (asked !== undefined) {
      this.#asked.delete(id);
      this.#note(`${asked}. ${troubleWords(code, message)}`);
    } else if (this.#lines.some((l) => l.key === id)) {
      this.#order = refused(this.#order, message, Date.now());
      this.#fail(id, troubleWords(code, message));
    }
  }

  #fail(key: string, trouble: string): void {
    this.#settle(key);
    this.#lines = this.#lines.map((l) => (l.key === key ? { ...l, state: "failed", trouble } : l));
    this.#changed(false);
  }

  #settle(key: string): void {
    clearTimeout(this.#waiting.get(key));
    this.#waiting.delete(key);
  }

  /** The wire broke: nobody will answer what was under way on it. */
  #breakOff(): void {
    for (const key of [...this.#waiting.keys()]) {
      this.#unsure.add(key);
      this.#fail(key, "The connection broke before this was confirmed.");
    }
    this.#asked.clear();
  }

  #note(text: string): void {
    this.#say("note", text);
  }

  #say(kind: "note" | "mark", text: string): void {
    const key = requestId();
    const none = { id: "", userId: "", name: "", guest: false, host: false, mod: false, replyTo: "", trouble: "" };
    this.#add({ key, kind, ...none, text, sentAt: Date.now(), state: "sent" });
  }

  #add(line: Line): void {
    this.#lines = [...this.#lines, line].slice(-KEEP);
    this.#total += 1;
    const now = Date.now();
    this.#recent = [...this.#recent.filter((t) => now - t < 60_000), now].slice(-11);
  }

  /** Tells the page; frames from outside are gathered first, so that a fast room draws ten times a second at most. */
  #changed(now: boolean): void {
    if (now) {
      clearTimeout(this.#flush);
      this.#flush = undefined;
      this.#tell();
    } else this.#flush ??= setTimeout(() => this.#tell(), BATCH);
  }

  #tell(): void {
    this.#flush = undefined;
    this.#view = this.#look();
    for (const told of this.#listeners) told();
  }

  #look(): RoomView {
    return {
      state: this.#state,
      me: this.#me,
      lines: this.#lines,
      total: this.#total,
      written: this.#written,
      busy: this.#recent.length > 10,
      past: Boolean(this.#pastUntil),
      order: this.#order,
    };
  }
}

/** Who said it, from what the token's maker put into it: nobody can write these for themselves. */
function person({ sender }: MessageFrame): Pick<Line, "userId" | "name" | "guest" | "host" | "mod"> {
  const { userId, attributes } = sender;
  const role = attributes["role"];
  return {
    userId,
    name: attributes["displayName"] ?? attributes["username"] ?? userId,
    guest: role === undefined ? userId.startsWith("guest-") : role === "guest",
    host: role === "owner",
    mod: role === "moderator",
  };
}
