import { prefer, withOpus } from "./codecs.js";
import { Failure } from "./failure.js";
import type { Frame } from "./frames.js";
import { attend, inBandIf } from "./inband.js";
import { Keeper, type KeeperState } from "./keeper.js";
import { InitialLayerPreference } from "./layer.js";
import { Session } from "./session.js";
import { SubscribeType } from "./strategy.js";

/** As many as may publish on a stage. */
const SLOTS = 12;
/** The server takes 20 frames a second. */
const SAY_EVERY = 100;
/** How many the server hears of at a time: more would not fit in a frame. */
const WISHES = 30;
const PATIENCE = { first: 60_000, again: 60_000 };

/** Who hears of a participant. */
export interface Watcher {
  /** What comes of it now; with "open" there is at least one receiver. */
  changed: (state: KeeperState, receivers: readonly RTCRtpReceiver[], failure?: Failure) => void;
  /** There is no such connection at this server. */
  unavailable: () => void;
}

export interface SlotsOptions {
  whipUrl: string;
  token: string;
  /** How many slots of a kind the server takes. */
  most: number;
  /** Says something on the events socket. */
  send: (type: string, payload: object) => void;
}

interface Wish {
  type: SubscribeType;
  initial: InitialLayerPreference;
  watcher: Watcher;
}

/**
 * One connection on which all come whom we watch. Its slots are offered once; whom we want we say on the events
 * socket, and there we hear which slot carries whom.
 */
export class Slots {
  /** Whether the server has it, as far as we know. */
  available = true;
  readonly #options: SlotsOptions;
  readonly #wishes = new Map<string, Wish>();
  readonly #keeper: Keeper<Session>;
  #heard: (Frame & { type: "SLOTS" }) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saidAt = -Infinity;
  /** Whether messages in the pictures are to be read, and whether they are. */
  #inBand = { wanted: false, open: false };

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#keeper = new Keeper<Session>({
      open: (signal) => this.#open(signal),
      changed: (state, failure) => this.#changed(state, failure),
      patience: PATIENCE,
    });
  }

  /** Watches a participant, or more or less of it than before. */
  want(id: string, type: SubscribeType, initial: InitialLayerPreference, watcher: Watcher): void {
    this.#wishes.set(id, { type, initial, watcher });
    this.#keeper.start();
    this.#say();
    this.#show(id);
  }

  /** Reads the messages in pictures from now on, if the page can. */
  attend(): void {
    if (this.#inBand.wanted) return;
    this.#inBand.wanted = true;
    this.#keeper.renew("the messages in pictures are to be read");
  }

  drop(id: string): void {
    if (this.#wishes.delete(id)) this.#say();
  }

  /** Takes what the server says. */
  hear(frame: Frame & { type: "SLOTS" }): void {
    this.#heard = frame;
    for (const id of [...this.#wishes.keys()]) this.#show(id);
  }

  /** A new events socket: the server may not know whom we want. */
  welcome(): void {
    this.#saidAt = -Infinity;
    this.#say();
  }

  hurry(): void {
    this.#keeper.hurry();
  }

  /** The network is good. */
  nudge(): void {
    this.#keeper.hurry();
    this.#keeper.current?.nudge();
  }

  renew(why: string, before: number): void {
    this.#keeper.renew(why, before);
  }

  goodbye(): void {
    this.#keeper.current?.goodbye();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#wishes.clear();
    void this.#keeper.stop();
  }

  async #open(signal: AbortSignal): Promise<Session> {
    this.#inBand.open = this.#inBand.wanted;
    const worker = await inBandIf(this.#inBand.open);
    const { whipUrl, token, most } = this.#options;
    return Session.open(
      {
        url: `${whipUrl}/subscribe`,
        token,
        prepare: (pc) => {
          for (const kind of ["audio", "video"] as const) {
            for (let n = 0; n < Math.min(SLOTS, most); n += 1) {
              const slot = pc.addTransceiver(kind, { direction: "recvonly" });
              prefer(slot, kind, RTCRtpReceiver);
              if (kind === "video" && worker) attend(slot.receiver, worker);
            }
          }
        },
        offer: (sdp) => withOpus(sdp, { stereo: true }), // without it both channels would be mixed to one
      },
      signal,
    );
  }

  #changed(state: KeeperState, failure?: Failure): void {
    // "No such door" has no word of its own behind a server that never heard of it; a stage that is gone has one.
    if (state === "failed" && (failure?.status === 405 || (failure?.status === 404 && failure.code === "NOT_FOUND"))) {
      this.available = false;
      const watchers = [...this.#wishes.values()].map(({ watcher }) => watcher);
      this.stop();
      for (const watcher of watchers) watcher.unavailable();
      return;
    }
    if (state === "open" && this.#inBand.wanted && !this.#inBand.open) {
      this.#keeper.renew("the messages in pictures are to be read");
      return;
    }
    for (const [id, { watcher }] of [...this.#wishes]) {
      if (state === "open") this.#show(id);
      else watcher.changed(state, [], failure);
    }
  }

  /** Tells who hears of a participant what comes of it now: nothing before all has come that will. */
  #show(id: string): void {
    const wish = this.#wishes.get(id);
    const session = this.#keeper.current;
    if (!wish || !session) return;
    const heard = this.#heard?.session === session.origin ? this.#heard : undefined;
    const kinds = wish.type === SubscribeType.AUDIO_VIDEO ? ["audio", "video"] : ["audio"];
    const own = [...(heard?.slots ?? []), ...(heard?.waiting ?? [])].filter(
      ({ participantId, kind }) => participantId === id && kinds.includes(kind),
    );
    const receivers = session.pc
      .getTransceivers()
      .filter(({ mid }) => own.some((slot) => slot.mid === mid))
      .map(({ receiver }) => receiver);
    const open = own.length === kinds.length && receivers.length > 0;
    wish.watcher.changed(open ? "open" : "connecting", open ? receivers : []);
  }

  /** Tells the server whom we want: soon, and not too often. */
  #say(): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(0, this.#saidAt + SAY_EVERY - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#saidAt = performance.now();
      const participants = [...this.#wishes].slice(0, WISHES).map(([participantId, { type, initial }]) => {
        const first = initial === InitialLayerPreference.HIGHEST_QUALITY ? "highest" : "lowest";
        return {
          participantId,
          audio: true,
          ...(type === SubscribeType.AUDIO_VIDEO ? { video: true, initial: first } : { video: false }),
        };
      });
      this.#options.send("SUBSCRIBE", { participants }); // if it does not arrive, the next socket is told
    }, wait);
  }
}
