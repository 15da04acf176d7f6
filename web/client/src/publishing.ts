import { prefer, withOpus, withStart } from "./codecs.js";
import { report } from "./emitter.js";
import { Failure } from "./failure.js";
import { inBandIf, letIn } from "./inband.js";
import { Keeper, type KeeperState } from "./keeper.js";
import { addPlace, encodingsFor, feed } from "./sending.js";
import { Session } from "./session.js";
import { StageParticipantPublishState } from "./states.js";
import { carry, type LocalStageStream } from "./streams.js";

const PATIENCE = { first: 20_000, again: 60_000 };

/** What several sizes begin with in kbit/s, if they may: enough for all of them to come at once. */
const START = 2200;

const KINDS = ["audio", "video"] as const;
type Kind = (typeof KINDS)[number];

export interface PublishingOptions {
  whipUrl: string;
  token: string;
  /** Whether the token allows it. */
  allowed: boolean;
  changed: (state: StageParticipantPublishState, failure?: Failure) => void;
  added: (streams: LocalStageStream[]) => void;
  removed: (streams: LocalStageStream[]) => void;
  /** A stream was muted or unmuted. */
  muted: (stream: LocalStageStream) => void;
}

/**
 * What we publish: one session with a place for sound and one for pictures, whether there is a track for
 * them or not. So streams come, go and change without a new session, and subscribers need no new one either.
 */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #streams = new Map<Kind, LocalStageStream>();
  readonly #keeper: Keeper<Session>;
  #state: StageParticipantPublishState = StageParticipantPublishState.NOT_PUBLISHED;
  #stereo = false;
  /** How many sizes of a picture the session was opened for. */
  #sizes = 1;
  /** Whether it takes messages, if the page can. */
  #inBand = false;
  #applying: Promise<void> = Promise.resolve();

  constructor(options: PublishingOptions) {
    this.#options = options;
    this.#keeper = new Keeper<Session>({
      open: (signal) => this.#open(signal),
      changed: (state, failure) => this.#changed(state, failure),
      patience: PATIENCE,
    });
  }

  get streams(): LocalStageStream[] {
    return [...this.#streams.values()];
  }

  /** What the others are to be told. */
  get mutes(): { audioMuted: boolean; videoStopped: boolean } {
    return {
      audioMuted: this.#streams.get("audio")?.isMuted ?? true,
      videoStopped: this.#streams.get("video")?.isMuted ?? true,
    };
  }

  /** Brings about that these are published, and nothing if there are none; `afresh` also where it failed before. */
  want(streams: readonly LocalStageStream[], afresh: boolean): void {
    if (streams.length === 0) {
      this.stop();
      return;
    }
    const removed: LocalStageStream[] = [];
    const added: LocalStageStream[] = [];
    for (const kind of KINDS) {
      const before = this.#streams.get(kind);
      const now = streams.find((stream) => stream.streamType === kind);
      if (now === before) continue;
      if (before) removed.push(before);
      if (now) added.push(now);
      this.#streams.delete(kind);
      if (now) this.#streams.set(kind, now);
    }
    this.#detach(removed);
    if (this.#state === StageParticipantPublishState.ERRORED && !afresh) {
      this.#attach(added);
      return;
    }
    if (!this.#options.allowed) {
      void this.#keeper.stop();
      this.#attach(added);
      this.#set(StageParticipantPublishState.ERRORED, new Failure("TOKEN_NOT_ALLOWED", "the token does not allow to publish"));
      return;
    }
    this.#keeper.start();
    this.#attach(added);
    if (added.length + removed.length === 0 || !this.#keeper.current) return;
    this.#fit();
  }

  stop(): void {
    const streams = this.streams;
    this.#streams.clear();
    void this.#keeper.stop();
    this.#detach(streams);
    this.#set(StageParticipantPublishState.NOT_PUBLISHED);
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

  get #wantsStereo(): boolean {
    return this.#streams.get("audio")?.sound?.stereo ?? false;
  }

  get #wantedSizes(): number {
    const video = this.#streams.get("video");
    return video ? encodingsFor(video).length : 1;
  }

  get #wantsInBand(): boolean {
    return this.#streams.get("video")?.picture?.inBandMessaging ?? false;
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const { whipUrl: url, token } = this.#options;
    this.#inBand = this.#wantsInBand;
    const worker = await inBandIf(this.#inBand);
    this.#stereo = this.#wantsStereo;
    this.#sizes = this.#wantedSizes;
    const kbps = this.#streams.get("audio")?.sound?.maxBitrateKbps;
    const most = this.#streams.get("video")?.picture?.maxBitrateKbps ?? START;
    return Session.open(
      {
        url,
        token,
        prepare: (pc) => {
          for (const kind of KINDS) {
            const place = addPlace(pc, kind, this.#streams.get(kind));
            prefer(place, kind, RTCRtpSender);
            if (kind === "video" && worker) letIn(place.sender, worker);
          }
        },
        answer: (sdp) => {
          const sound = withOpus(sdp, { stereo: this.#stereo, bitrate: kbps && kbps * 1000 });
          return this.#sizes > 1 ? withStart(sound, Math.min(START, most)) : sound;
        },
      },
      signal,
    );
  }

  #changed(state: KeeperState, failure?: Failure): void {
    if (state === "open") {
      this.#fit(); // what changed meanwhile
      this.#set(StageParticipantPublishState.PUBLISHED);
    } else if (state === "connecting") this.#set(StageParticipantPublishState.ATTEMPTING_PUBLISH);
    else this.#set(StageParticipantPublishState.ERRORED, failure);
  }

  /** Brings the session in step with the streams, or opens another one for what must be negotiated. */
  #fit(): void {
    if (this.#stereo !== this.#wantsStereo) this.#keeper.renew("the sound has another number of channels");
    else if (this.#sizes < this.#wantedSizes) this.#keeper.renew("the picture has more sizes");
    else if (!this.#inBand && this.#wantsInBand) this.#keeper.renew("the picture is to carry messages");
    else this.#apply();
  }

  /** Brings the session's senders in step with the streams, one change after the other. */
  #apply(): void {
    const session = this.#keeper.current;
    if (!session) return;
    for (const { sender, receiver } of session.pc.getTransceivers()) {
      const stream = this.#streams.get(receiver.track.kind as Kind);
      if (stream) carry(stream, sender);
    }
    this.#applying = this.#applying.then(async () => {
      for (const { sender, receiver } of session.pc.getTransceivers()) {
        const stream = this.#streams.get(receiver.track.kind as Kind);
        if (session !== this.#keeper.current) return;
        try {
          await feed(sender, stream);
        } catch (error) {
          if (session === this.#keeper.current) report(error);
        }
      }
    });
  }

  readonly #onmute = new Map<LocalStageStream, () => void>();

  #attach(streams: LocalStageStream[]): void {
    for (const stream of streams) {
      const heard = () => {
        this.#apply();
        this.#options.muted(stream);
      };
      this.#onmute.set(stream, heard);
      stream.on("localStreamMutedChanged", heard);
    }
    if (streams.length > 0) this.#options.added(streams);
  }

  #detach(streams: LocalStageStream[]): void {
    for (const stream of streams) {
      carry(stream, undefined);
      const heard = this.#onmute.get(stream);
      this.#onmute.delete(stream);
      if (heard) stream.off("localStreamMutedChanged", heard);
    }
    if (streams.length > 0) this.#options.removed(streams);
  }

  #set(state: StageParticipantPublishState, failure?: Failure): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.changed(state, failure);
  }
}
