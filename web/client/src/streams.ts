import {
  type PictureSettings,
  pictureSettings,
  type SoundSettings,
  soundSettings,
  type StageAudioConfiguration,
  type StageVideoConfiguration,
} from "./configuration.js";
import { Emitter } from "./emitter.js";
import { inBandWorker, type Insertion, messengerOf, Ration, type SeiMessage } from "./inband.js";
import type { RemoteStageStreamEventPayloads, StageStreamLayer } from "./layer.js";
import type { StageParticipantInfo } from "./participant.js";
import {
  type LocalAudioStats,
  type LocalVideoStats,
  QualityReader,
  type RemoteAudioStats,
  type RemoteVideoStats,
} from "./quality.js";

/** One track of a participant. */
export interface StageStream {
  readonly id: string;
  readonly streamType: "audio" | "video";
  readonly mediaStreamTrack: MediaStreamTrack;
  readonly isMuted: boolean;
  /** WebRTC statistics of this track; undefined while it is on no connection. */
  requestRTCStats(): Promise<RTCStatsReport | undefined>;
  /** @deprecated Use requestRTCStats. */
  getStats(): Promise<RTCStatsReport | undefined>;
}

export const LocalStageStreamEvents = {
  LOCAL_STREAM_MUTED_CHANGED: "localStreamMutedChanged",
  /** A message is to go out with the next pictures. */
  LOCAL_STREAM_INSERT_SEI_MSG_REQUEST: "localStreamInsertSeiMsgRequest",
} as const;
export type LocalStageStreamEvents = (typeof LocalStageStreamEvents)[keyof typeof LocalStageStreamEvents];

/** What listeners of a local stream are given. */
export interface LocalStageStreamEventPayloads {
  localStreamMutedChanged: [isMuted: boolean];
  localStreamInsertSeiMsgRequest: [message: SeiMessage, options: Required<Insertion>];
}

const kindOf = (track: MediaStreamTrack) => (track.kind === "audio" ? "audio" : "video");

/** The sender that carries a local stream now. */
const senders = new WeakMap<LocalStageStream, RTCRtpSender>();

/** @internal */
export function carry(stream: LocalStageStream, sender: RTCRtpSender | undefined): void {
  if (sender) senders.set(stream, sender);
  else senders.delete(stream);
}

/**
 * A track of ours, to be published. The track stays the caller's: it is never stopped here, and muting
 * changes nothing of it but `enabled`.
 */
export class LocalStageStream extends Emitter<LocalStageStreamEventPayloads> implements StageStream {
  readonly streamType: "audio" | "video";
  readonly mediaStreamTrack: MediaStreamTrack;
  /** @internal */
  readonly sound: SoundSettings | undefined;
  /** @internal */
  readonly picture: PictureSettings | undefined;
  readonly #ration = new Ration();
  readonly #quality = new QualityReader();
  #muted = false;

  /**
   * Throws a RangeError for a configuration out of its limits; where it is the simulcast configuration, with the name, code
   * and message of one of the SIMULCAST_ objects, and which layer in `details`.
   */
  constructor(track: MediaStreamTrack, configuration: StageVideoConfiguration | StageAudioConfiguration = {}) {
    super();
    this.mediaStreamTrack = track;
    this.streamType = kindOf(track);
    const both: StageVideoConfiguration & StageAudioConfiguration = configuration;
    if (this.streamType === "audio") this.sound = soundSettings(both);
    else this.picture = pictureSettings(both, track.getSettings());
    this.#muted = !track.enabled;
  }

  get id(): string {
    return this.mediaStreamTrack.id;
  }

  get isMuted(): boolean {
    return this.#muted;
  }

  /**
   * Mutes or unmutes; everybody on the stage hears of it. A muted audio stream sends silence, a muted video
   * stream sends nothing; the track is disabled, so that a preview of one's own shows the same.
   */
  setMuted(muted: boolean): void {
    if (this.#muted === muted) return;
    this.#muted = muted;
    this.mediaStreamTrack.enabled = !muted;
    this.emit("localStreamMutedChanged", muted);
  }

  /**
   * Puts a message into the next picture of each size that is published, and into the `repeatCount` (0 to 30) after it,
   * for pictures that are lost; all of them with the same random UUID. Resolves when the first has gone. Needs
   * `inBandMessaging.enabled`. Rejects with a RangeError for what is not 1 to 1023 bytes, or for more than 10 KB within a
   * second, repeats counted; with an Error when no picture goes out within two seconds.
   */
  async insertSeiMessage(payload: ArrayBuffer, { repeatCount = 0 }: Insertion = {}): Promise<void> {
    if (!this.picture?.inBandMessaging) throw new Error("the stream was made without inBandMessaging");
    const message = this.#ration.take(payload, repeatCount);
    this.emit("localStreamInsertSeiMsgRequest", message, { repeatCount });
    const sender = senders.get(this);
    if (!sender) throw new Error("the stream is not published");
    const messenger = messengerOf(sender);
    if (!messenger) await inBandWorker(); // says why there is none
    if (!messenger) throw new Error("the stream is just being published anew");
    await messenger.insert(message, repeatCount);
  }

  async requestRTCStats(): Promise<RTCStatsReport | undefined> {
    return senders.get(this)?.getStats();
  }

  /**
   * How well it is sent: of each encoding its own, the smallest picture first. Undefined while it is on no connection.
   * How networkQuality is judged: see NetworkQuality.
   */
  async requestQualityStats(): Promise<LocalAudioStats[] | LocalVideoStats[] | undefined> {
    const report = await this.requestRTCStats();
    return report && this.#quality.sent(report, this.#muted);
  }

  /** @deprecated Use requestRTCStats. */
  getStats(): Promise<RTCStatsReport | undefined> {
    return this.requestRTCStats();
  }
}

/** Streams that are over, though their tracks are not: those are somebody else's now, or nobody's. */
const retired = new WeakSet<RemoteStageStream>();

/** @internal */
export function retire(stream: RemoteStageStream): void {
  retired.add(stream);
}

/** A track of somebody else, as we receive it. */
export class RemoteStageStream extends Emitter<RemoteStageStreamEventPayloads> implements StageStream {
  readonly participantInfo: StageParticipantInfo;
  readonly streamType: "audio" | "video";
  readonly mediaStreamTrack: MediaStreamTrack;
  /** @internal */
  readonly offer: { layers: readonly StageStreamLayer[]; adapting: boolean } = { layers: [], adapting: false };
  readonly #receiver: RTCRtpReceiver;
  readonly #quality = new QualityReader();

  /** @internal */
  constructor(participant: StageParticipantInfo, receiver: RTCRtpReceiver) {
    super();
    this.participantInfo = participant;
    this.mediaStreamTrack = receiver.track;
    this.streamType = kindOf(receiver.track);
    this.#receiver = receiver;
  }

  get id(): string {
    return this.mediaStreamTrack.id;
  }

  /** Whether the participant muted it. */
  get isMuted(): boolean {
    return this.streamType === "audio" ? this.participantInfo.audioMuted : this.participantInfo.videoStopped;
  }

  async requestRTCStats(): Promise<RTCStatsReport | undefined> {
    if (retired.has(this) || this.mediaStreamTrack.readyState !== "live") return undefined;
    return this.#receiver.getStats();
  }

  /** Whether the server chooses among several layers by what the network has room for, since none is preferred. */
  get isAdapting(): boolean {
    return this.offer.adapting;
  }

  /** The sizes in which the picture is published, the smallest first; none if there is only one, or it is not known. */
  getLayers(): StageStreamLayer[] {
    return [...this.offer.layers];
  }

  /** What comes now. */
  getSelectedLayer(): StageStreamLayer | undefined {
    return this.offer.layers.find(({ selected }) => selected);
  }

  getLowestQualityLayer(): StageStreamLayer | undefined {
    return this.offer.layers[0];
  }

  getHighestQualityLayer(): StageStreamLayer | undefined {
    return this.offer.layers.at(-1);
  }

  /**
   * How well it is received; undefined while it is on no connection, or nothing has come. How networkQuality is
   * judged: see NetworkQuality.
   */
  async requestQualityStats(): Promise<RemoteAudioStats | RemoteVideoStats | undefined> {
    const report = await this.requestRTCStats();
    return report && this.#quality.received(report, this.isMuted);
  }

  /** @deprecated Use requestRTCStats. */
  getStats(): Promise<RTCStatsReport | undefined> {
    return this.requestRTCStats();
  }
}
