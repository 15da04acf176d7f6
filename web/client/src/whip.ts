import { prefer, withOpus, withStart } from "./codecs.js";
import { report } from "./emitter.js";
import { Failure } from "./failure.js";
import { layersOf } from "./layers.js";
import { Keeper, type KeeperState } from "./keeper.js";
import { Session } from "./session.js";

/** idle → connecting → live ⇄ reconnecting → failed; ended after stop(). */
export type WhipState = "idle" | "connecting" | "live" | "reconnecting" | "failed" | "ended";

export interface WhipPublisherOptions {
  /** The WHIP endpoint. */
  endpoint: string;
  /** The bearer token: a stream key for a channel. It is sent to the endpoint and nowhere else. */
  token: string;
  /** What to publish: its first audio and its first video track. The tracks stay the caller's and are never stopped. */
  stream: MediaStream;
  /** Upper limit of the video in kbit/s, of all its sizes together. */
  maxVideoBitrateKbps?: number | undefined;
  /**
   * Publish the picture in up to three sizes (simulcast), so that viewers have a choice; false when absent. Where
   * the browser or the server cannot, it goes out in its own size alone.
   */
  simulcast?: boolean | undefined;
  /** Upper limit of the pictures per second. */
  maxFramerate?: number | undefined;
  /** Upper limit of the sound in kbit/s. */
  maxAudioBitrateKbps?: number | undefined;
}

const PATIENCE = { first: 15_000, again: 60_000 };
/** What the video begins with in kbit/s, if it may: enough for 720p to look well at once. */
const START = 1500;
/** The same for a picture in several sizes, and what they share without another limit. */
const LAYERED = { start: 2200, most: 3000 };

type Kind = "audio" | "video";

/**
 * Publishes a MediaStream by WHIP (RFC 9725) and keeps it published: a lost session is opened anew for up
 * to a minute.
 */
export class WhipPublisher {
  /** Called after each change of `state`. */
  onstate?: ((state: WhipState) => void) | undefined;
  readonly #options: WhipPublisherOptions;
  readonly #tracks = new Map<Kind, MediaStreamTrack>();
  readonly #keeper: Keeper<Session>;
  #state: WhipState = "idle";
  #error: { code: string; message: string } | undefined;
  #starting: { promise: Promise<void>; resolve: () => void; reject: (failure: Failure) => void } | undefined;

  constructor(options: WhipPublisherOptions) {
    this.#options = options;
    for (const track of options.stream.getTracks()) {
      const kind = track.kind as Kind;
      if (!this.#tracks.has(kind)) this.#tracks.set(kind, track);
    }
    if (this.#tracks.size === 0) throw new TypeError("the stream has no tracks");
    this.#keeper = new Keeper({
      open: (signal) => this.#open(signal),
      changed: (state, failure) => this.#changed(state, failure),
      patience: PATIENCE,
    });
  }

  get state(): WhipState {
    return this.#state;
  }

  /** Why it is "reconnecting" or "failed": the server's code where it gave one, such as TOKEN_EXPIRED, and a sentence. */
  get error(): { code: string; message: string } | undefined {
    return this.#error;
  }

  /**
   * Begins; resolves when the server receives media, rejects with an Error that has a `code` when it will
   * not (or with code CANCELED after stop()).
   */
  start(): Promise<void> {
    if (this.#starting) return this.#starting.promise;
    let resolve!: () => void;
    let reject!: (failure: Failure) => void;
    const promise = new Promise<void>((yes, no) => ([resolve, reject] = [yes, no]));
    promise.catch(() => {}); // whoever awaits it hears of it; nobody has to
    this.#starting = { promise, resolve, reject };
    globalThis.addEventListener?.("online", this.#online);
    globalThis.addEventListener?.("pagehide", this.#pagehide);
    this.#keeper.start();
    return promise;
  }

  /** Ends; resolves when the server has heard of it. */
  async stop(): Promise<void> {
    const starting = this.#starting;
    this.#forget();
    const stopped = this.#keeper.stop();
    this.#set(this.#state === "idle" ? "idle" : "ended");
    starting?.reject(new Failure("CANCELED", "publishing was stopped"));
    await stopped;
  }

  /** Sends another track in the place of the one of its kind; without a break, unless that kind is new. */
  async replaceTrack(track: MediaStreamTrack): Promise<void> {
    const kind = track.kind as Kind;
    const known = this.#tracks.has(kind);
    this.#tracks.set(kind, track);
    const session = this.#keeper.current;
    if (!session) return;
    if (!known) this.#keeper.renew("there is a new track");
    else await senderOf(session, kind)?.replaceTrack(track);
  }

  /** WebRTC statistics; empty while there is no session. */
  async getStats(): Promise<RTCStatsReport> {
    return (await this.#keeper.current?.pc.getStats()) ?? (new Map() as RTCStatsReport);
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { endpoint: url, token, maxAudioBitrateKbps, maxVideoBitrateKbps } = this.#options;
    const used = new Map(this.#tracks);
    const session = await Session.open(
      {
        url,
        token,
        prepare: (pc) => used.forEach((track) => this.#add(pc, track)),
        answer: (sdp) =>
          withStart(
            withOpus(sdp, { stereo: isStereo(used), bitrate: maxAudioBitrateKbps && maxAudioBitrateKbps * 1000 }),
            Math.min(this.#options.simulcast ? LAYERED.start : START, maxVideoBitrateKbps ?? Infinity),
          ),
      },
      signal,
    );
    await this.#whole(session);
    for (const [kind, track] of this.#tracks) {
      if (used.get(kind) !== track) await senderOf(session, kind)?.replaceTrack(track);
    }
    return session;
  }

  #add(pc: RTCPeerConnection, track: MediaStreamTrack): void {
    const kind = track.kind as Kind;
    const { stream, maxVideoBitrateKbps, maxFramerate, maxAudioBitrateKbps } = this.#options;
    const kbps = kind === "video" ? maxVideoBitrateKbps : maxAudioBitrateKbps;
    const one: RTCRtpEncodingParameters = kbps ? { maxBitrate: kbps * 1000 } : {};
    const layers = kind === "video" && this.#options.simulcast ? layersOf(track.getSettings(), kbps ?? LAYERED.most) : [];
    const add = (encodings: RTCRtpEncodingParameters[]) => {
      if (kind === "video" && maxFramerate) encodings.forEach((encoding) => (encoding.maxFramerate = maxFramerate));
      return pc.addTransceiver(track, { direction: "sendonly", streams: [stream], sendEncodings: encodings });
    };
    let transceiver: RTCRtpTransceiver;
    try {
      transceiver = add(layers.length > 1 ? layers : [one]);
    } catch (error) {
      if (layers.length < 2) throw error;
      transceiver = add([one]); // this browser sends one size
    }
    prefer(transceiver, kind, RTCRtpSender);
    if (kind === "video") keepSize(transceiver.sender);
  }

  /** A server that takes one size leaves the smallest: it is to be the whole picture then. */
  async #whole(session: Session): Promise<void> {
    const sender = this.#options.simulcast ? senderOf(session, "video") : undefined;
    const parameters = sender?.getParameters();
    const [only, ...more] = parameters?.encodings ?? [];
    if (!sender || !parameters || !only || more.length > 0 || (only.scaleResolutionDownBy ?? 1) === 1) return;
    only.scaleResolutionDownBy = 1;
    only.maxBitrate = (this.#options.maxVideoBitrateKbps ?? LAYERED.most) * 1000;
    await sender.setParameters(parameters);
  }

  #changed(state: KeeperState, failure?: Failure): void {
    const why = failure && { code: failure.code, message: failure.message };
    if (state === "open") {
      this.#set("live");
      this.#starting?.resolve();
    } else if (state === "connecting") {
      this.#set(failure ? "reconnecting" : "connecting", why);
    } else {
      const starting = this.#starting;
      this.#forget();
      this.#set("failed", why);
      if (failure) starting?.reject(failure);
    }
  }

  #set(state: WhipState, error?: { code: string; message: string }): void {
    this.#error = error;
    if (this.#state === state) return;
    this.#state = state;
    try {
      this.onstate?.(state);
    } catch (error) {
      report(error);
    }
  }

  #forget(): void {
    this.#starting = undefined;
    globalThis.removeEventListener?.("online", this.#online);
    globalThis.removeEventListener?.("pagehide", this.#pagehide);
  }

  readonly #online = (): void => {
    this.#keeper.hurry();
    this.#keeper.current?.nudge();
  };
  readonly #pagehide = (): void => this.#keeper.current?.goodbye();
}

function senderOf(session: Session, kind: Kind): RTCRtpSender | undefined {
  return session.pc.getTransceivers().find(({ receiver }) => receiver.track.kind === kind)?.sender;
}

/** A new picture size is a break in a channel's stream: rather fewer or coarser pictures. */
function keepSize(sender: RTCRtpSender): void {
  const parameters = sender.getParameters();
  parameters.degradationPreference = "maintain-resolution";
  sender.setParameters(parameters).catch(() => {}); // a browser that cannot does as it likes
}

function isStereo(tracks: ReadonlyMap<Kind, MediaStreamTrack>): boolean {
  return (tracks.get("audio")?.getSettings().channelCount ?? 1) > 1;
}
