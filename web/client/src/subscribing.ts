import { prefer, withOpus } from "./codecs.js";
import { Failure } from "./failure.js";
import type { Gate } from "./gate.js";
import { attend, hear, hush, inBandIf, type SeiMessage } from "./inband.js";
import type { InitialLayerPreference } from "./layer.js";
import { Keeper, type KeeperState } from "./keeper.js";
import type { Participant } from "./participant.js";
import { Session } from "./session.js";
import type { Slots } from "./slots.js";
import { StageParticipantSubscribeState } from "./states.js";
import { SubscribeType } from "./strategy.js";
import { RemoteStageStream, retire } from "./streams.js";

const PATIENCE = { first: 60_000, again: 60_000 };

/** What the events socket and the subscribe door may for a moment see differently: ask again. */
const NOT_YET = ["NOT_PUBLISHING", "PARTICIPANT_NOT_FOUND"];

export interface SubscriptionOptions {
  participant: Participant;
  whipUrl: string;
  token: string;
  /** Whether the token allows it. */
  allowed: boolean;
  /** How many join at a time. */
  gate: Gate;
  /** The connection that all share; undefined where the server has none. */
  slots: () => Slots | undefined;
  /** What its picture is to begin with. */
  initial: () => InitialLayerPreference;
  changed: (state: StageParticipantSubscribeState, failure?: Failure) => void;
  added: (streams: RemoteStageStream[]) => void;
  removed: (streams: RemoteStageStream[]) => void;
  /** A message came in the pictures. */
  message: (message: SeiMessage) => void;
}

/** What we receive of one participant: over the connection that all share, or one of its own. */
export class Subscription {
  streams: RemoteStageStream[] = [];
  readonly #options: SubscriptionOptions;
  #type: SubscribeType = SubscribeType.NONE;
  #state: StageParticipantSubscribeState = StageParticipantSubscribeState.NOT_SUBSCRIBED;
  #keeper: Keeper<Session> | undefined;
  /** The connection that all share, while we are wanted of it. */
  #slots: Slots | undefined;
  #receivers: readonly RTCRtpReceiver[] = [];
  #hears = false;
  /** Whether the connection of its own was opened to read messages, if the page can. */
  #attends = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Brings about that so much is received; `afresh` also where it failed before. */
  want(type: SubscribeType, afresh: boolean): void {
    const again = afresh && this.#state === StageParticipantSubscribeState.ERRORED;
    const denied = !this.#options.allowed && (this.#keeper ?? this.#slots) !== undefined;
    if (type === this.#type && !again && !denied) return;
    this.#type = type;
    void this.#keeper?.stop();
    this.#keeper = undefined;
    const slots = this.#options.slots();
    if (type !== SubscribeType.NONE && this.#options.allowed && slots) {
      this.#share(slots, type);
      return;
    }
    this.#slots?.drop(this.#options.participant.id);
    this.#slots = undefined;
    this.#receive([]);
    if (type === SubscribeType.NONE) {
      this.#set(StageParticipantSubscribeState.NOT_SUBSCRIBED);
      return;
    }
    if (!this.#options.allowed) {
      const failure = new Failure("TOKEN_NOT_ALLOWED", "the token does not allow to subscribe");
      this.#set(StageParticipantSubscribeState.ERRORED, failure);
      return;
    }
    this.#alone(type);
  }

  /** Comes over the connection that all share. */
  #share(slots: Slots, type: SubscribeType): void {
    this.#slots = slots;
    this.#receive([]);
    this.#set(StageParticipantSubscribeState.ATTEMPTING_SUBSCRIBE);
    slots.want(this.#options.participant.id, type, this.#options.initial(), {
      changed: (state, receivers, failure) => this.#follow(state, receivers, failure),
      unavailable: () => {
        this.#slots = undefined;
        this.#alone(type);
      },
    });
  }

  /** Comes over a connection of its own. */
  #alone(type: SubscribeType): void {
    const keeper: Keeper<Session> = new Keeper<Session>({
      open: (signal) => this.#options.gate.pass(signal, () => this.#open(type, signal)),
      changed: (state, failure) => keeper === this.#keeper && this.#changed(state, failure),
      patience: PATIENCE,
      endless: (failure) => NOT_YET.includes(failure.code),
    });
    this.#keeper = keeper;
    keeper.start();
  }

  /** Has the messages in the pictures read, or read no more. */
  hear(inBandMessaging: boolean): void {
    if (inBandMessaging === this.#hears) return;
    this.#hears = inBandMessaging;
    this.#listen(this.#receivers, inBandMessaging);
    if (!inBandMessaging) return;
    this.#options.slots()?.attend();
    this.#renew();
  }

  #renew(): void {
    this.#keeper?.renew("the messages in pictures are to be read");
  }

  #listen(receivers: readonly RTCRtpReceiver[], on: boolean): void {
    for (const receiver of receivers) {
      if (receiver.track.kind === "video") (on ? hear : hush)(receiver, this.#options.message);
    }
  }

  /** The participant did something: what was not there before may be now. */
  hurry(): void {
    this.#keeper?.hurry();
    this.#slots?.hurry();
  }

  /** The network is good. */
  nudge(): void {
    this.#keeper?.hurry();
    this.#keeper?.current?.nudge();
  }

  renew(why: string, before: number): void {
    this.#keeper?.renew(why, before);
  }

  goodbye(): void {
    this.#keeper?.current?.goodbye();
  }

  async #open(type: SubscribeType, signal: AbortSignal): Promise<Session> {
    this.#attends = this.#hears;
    const worker = await inBandIf(this.#attends);
    const { whipUrl, token, participant } = this.#options;
    const kinds = type === SubscribeType.AUDIO_ONLY ? (["audio"] as const) : (["audio", "video"] as const);
    return Session.open(
      {
        url: `${whipUrl}/subscribe/${encodeURIComponent(participant.id)}`,
        token,
        prepare: (pc) => {
          for (const kind of kinds) {
            const place = pc.addTransceiver(kind, { direction: "recvonly" });
            prefer(place, kind, RTCRtpReceiver);
            if (kind === "video" && worker) attend(place.receiver, worker);
          }
        },
        offer: (sdp) => withOpus(sdp, { stereo: true }), // without it both channels would be mixed to one
      },
      signal,
    );
  }

  #changed(state: KeeperState, failure?: Failure): void {
    if (state === "open" && this.#hears && !this.#attends) {
      this.#renew();
      return;
    }
    const transceivers = this.#keeper?.current?.pc.getTransceivers() ?? [];
    const receivers = transceivers
      .filter(({ currentDirection }) => currentDirection === "recvonly" || currentDirection === "sendrecv")
      .map(({ receiver }) => receiver);
    this.#follow(state, state === "open" ? receivers : [], failure);
  }

  #follow(state: KeeperState, receivers: readonly RTCRtpReceiver[], failure?: Failure): void {
    if (state === "open") this.#set(StageParticipantSubscribeState.SUBSCRIBED);
    this.#receive(receivers);
    if (state === "connecting") this.#set(StageParticipantSubscribeState.ATTEMPTING_SUBSCRIBE);
    else if (state === "failed") this.#set(StageParticipantSubscribeState.ERRORED, failure);
  }

  /** Makes streams of what comes now; those that are there already go on. */
  #receive(receivers: readonly RTCRtpReceiver[]): void {
    const left = this.#receivers.filter((one) => !receivers.includes(one));
    this.#receivers = receivers;
    this.#listen(left, false);
    this.#listen(receivers, this.#hears);
    const stays = ({ mediaStreamTrack }: RemoteStageStream) => receivers.some(({ track }) => track === mediaStreamTrack);
    const gone = this.streams.filter((stream) => !stays(stream));
    const come = receivers
      .filter(({ track }) => !this.streams.some(({ mediaStreamTrack }) => mediaStreamTrack === track))
      .map((receiver) => new RemoteStageStream(this.#options.participant, receiver));
    this.streams = [...this.streams.filter(stays), ...come];
    gone.forEach(retire);
    if (gone.length > 0) this.#options.removed(gone);
    if (come.length > 0) this.#options.added(come);
  }

  #set(state: StageParticipantSubscribeState, failure?: Failure): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.changed(state, failure);
  }
}
