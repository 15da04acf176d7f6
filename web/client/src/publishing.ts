import { prefer, withOpus } from "./codecs.js";
import type { SendSettings } from "./configuration.js";
import { STAGE_MAX_RESOLUTION } from "./constants.js";
import { report } from "./emitter.js";
import { Failure } from "./failure.js";
import { Keeper, type KeeperState } from "./keeper.js";
import { Session } from "./session.js";
import { StageParticipantPublishState } from "./states.js";
import { carry, type LocalStageStream } from "./streams.js";

const PATIENCE = { first: 20_000, again: 60_000 };

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
    if (this.#stereo !== this.#wantsStereo) this.#keeper.renew("the sound has another number of channels");
    else this.#apply();
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
    return this.#streams.get("audio")?.settings.stereo ?? false;
  }

  #open(signal: AbortSignal): Promise<Session> {
    const { whipUrl: url, token } = this.#options;
    this.#stereo = this.#wantsStereo;
    const bitrate = this.#streams.get("audio")?.settings.maxBitrate;
    return Session.open(
      {
        url,
        token,
        prepare: (pc) => {
          for (const kind of KINDS) {
            const stream = this.#streams.get(kind);
            const transceiver = pc.addTransceiver(trackOf(stream) ?? kind, {
              direction: "sendonly",
              sendEncodings: [stream ? encodingOf(stream) : {}],
            });
            prefer(transceiver, kind, RTCRtpSender);
          }
        },
        answer: (sdp) => withOpus(sdp, { stereo: this.#stereo, bitrate }),
      },
      signal,
    );
  }

  #changed(state: KeeperState, failure?: Failure): void {
    if (state === "open") {
      this.#apply(); // what changed meanwhile
      this.#set(StageParticipantPublishState.PUBLISHED);
    } else if (state === "connecting") this.#set(StageParticipantPublishState.ATTEMPTING_PUBLISH);
    else this.#set(StageParticipantPublishState.ERRORED, failure);
  }

  /** Brings the session's senders in step with the streams, one change after the other. */
  #apply(): void {
    const session = this.#keeper.current;
    if (!session) return;
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

/** The track that is to be sent: none for pictures that are muted, so that they cost the viewers nothing. */
function trackOf(stream: LocalStageStream | undefined): MediaStreamTrack | null {
  if (!stream || (stream.streamType === "video" && stream.isMuted)) return null;
  return stream.mediaStreamTrack;
}

function encodingOf({ streamType, mediaStreamTrack, settings }: LocalStageStream): RTCRtpEncodingParameters {
  const { maxBitrate, maxFramerate }: SendSettings = settings;
  if (streamType === "audio") return { maxBitrate };
  const { width = 0, height = 0 } = mediaStreamTrack.getSettings();
  return {
    maxBitrate,
    ...(maxFramerate === undefined ? {} : { maxFramerate }),
    scaleResolutionDownBy: Math.max(1, Math.max(width, height) / STAGE_MAX_RESOLUTION),
  };
}

async function feed(sender: RTCRtpSender, stream: LocalStageStream | undefined): Promise<void> {
  const track = trackOf(stream);
  if (stream) {
    carry(stream, sender);
    const wanted = encodingOf(stream);
    const parameters = sender.getParameters();
    const encoding = parameters.encodings[0];
    const names = Object.keys(wanted) as (keyof RTCRtpEncodingParameters)[];
    if (encoding && names.some((name) => encoding[name] !== wanted[name])) {
      Object.assign(encoding, wanted);
      await sender.setParameters(parameters);
    }
  }
  if (sender.track !== track) await sender.replaceTrack(track);
}
