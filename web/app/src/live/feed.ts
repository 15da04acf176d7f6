import { useEffect, useRef, useState } from "react";
import { Backoff } from "../api/backoff";
import type { ChannelCard, LiveFrame } from "../api/types";

export interface FeedEvents {
  onChannel: (channel: ChannelCard) => void;
  /** The feed is open again: what happened in between is not told in full, so ask for the whole. */
  onAgain: () => void;
  onConnected?: (connected: boolean) => void;
}

/** The server says something every 25 seconds at the latest; after this much silence the line is dead. */
const SILENCE = 60_000;

/**
 * The live feed: a socket on which the server tells the channels' cards as they are, then each change.
 * It comes back by itself for as long as it is not closed, also from a line that died without a word.
 * No channels means all of them.
 */
export class LiveFeed {
  readonly #url: string;
  readonly #events: FeedEvents;
  readonly #backoff = new Backoff(500, 10_000);
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #opened = false;
  #closed = false;

  constructor(channels: readonly string[] | undefined, events: FeedEvents) {
    const url = new URL("/api/live", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    if (channels) url.searchParams.set("channels", channels.join(","));
    this.#url = url.href;
    this.#events = events;
    this.#open();
    addEventListener("online", this.#hurry);
    document.addEventListener("visibilitychange", this.#hurry);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#socket?.close(1000);
    removeEventListener("online", this.#hurry);
    document.removeEventListener("visibilitychange", this.#hurry);
  }

  #open(): void {
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#listen(socket);
    socket.onopen = () => {
      if (this.#closed) return;
      this.#listen(socket);
      this.#backoff.reset();
      this.#events.onConnected?.(true);
      if (this.#opened) this.#events.onAgain();
      this.#opened = true;
    };
    socket.onmessage = (event: MessageEvent) => {
      if (this.#closed) return;
      this.#listen(socket);
      const frame = readFrame(event.data);
      if (frame) this.#events.onChannel(frame.channel);
    };
    socket.onclose = () => {
      if (!this.#closed) this.#lost();
    };
  }

  /** Browsers do not tell of a dead line, and wait long for the end of one they are told to close. */
  #listen(socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      this.#lost();
    }, SILENCE);
  }

  #lost(): void {
    clearTimeout(this.#silence);
    this.#socket = undefined;
    this.#events.onConnected?.(false);
    this.#timer = setTimeout(() => this.#open(), this.#backoff.next());
  }

  /** Back on line or back in view: do not sit out a long pause. */
  #hurry = (): void => {
    if (this.#closed || this.#socket || document.visibilityState === "hidden") return;
    clearTimeout(this.#timer);
    this.#open();
  };
}

export function readFrame(data: unknown): LiveFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame = JSON.parse(data) as Partial<LiveFrame>;
    return frame.type === "channel" && typeof frame.channel?.username === "string" ? (frame as LiveFrame) : undefined;
  } catch {
    return undefined;
  }
}

/** Follows the feed while the component is shown; while the socket is out, asks every 20 seconds instead. */
export function useLiveFeed(channels: string | undefined, onChannel: FeedEvents["onChannel"], refresh: () => void): void {
  const latest = useRef({ onChannel, refresh });
  const [connected, setConnected] = useState(true);
  useEffect(() => {
    latest.current = { onChannel, refresh };
  });
  useEffect(() => {
    const feed = new LiveFeed(channels?.split(","), {
      onChannel: (channel) => latest.current.onChannel(channel),
      onAgain: () => latest.current.refresh(),
      onConnected: setConnected,
    });
    return () => feed.close();
  }, [channels]);
  useEffect(() => {
    if (connected) return;
    const timer = setInterval(() => latest.current.refresh(), 20_000);
    return () => clearInterval(timer);
  }, [connected]);
}
