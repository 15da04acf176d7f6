import { prefer, withOpus } from "./codecs.js";
import { Failure } from "./failure.js";
import type { Gate } from "./gate.js";
import { Keeper, type KeeperState } from "./keeper.js";
import type { Participant } from "./participant.js";
import { Session } from "./session.js";
import { StageParticipantSubscribeState } from "./states.js";
import { SubscribeType } from "./strategy.js";
import { RemoteStageStream } from "./streams.js";

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
  changed: (state: StageParticipantSubscribeState, failure?: Failure) => void;
  added: (streams: RemoteStageStream[]) => void;
  removed: (streams: RemoteStageStream[]) => void;
}

/** What we receive of one participant. */
export class Subscription {
  streams: RemoteStageStream[] = [];
  readonly #options: SubscriptionOptions;
  #type: SubscribeType = SubscribeType.NONE;
  #state: StageParticipantSubscribeState = StageParticipantSubscribeState.NOT_SUBSCRIBED;
  #keeper: Keeper<Session> | undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** Brings about that so much is received; `afresh` also where it failed before. */
  want(type: SubscribeType, afresh: boolean): void {
    const again = afresh && this.#state === StageParticipantSubscribeState.ERRORED;
    if (type === this.#type && !again) return;
    this.#type = type;
    void this.#keeper?.stop();
    this.#keeper = undefined;
    this.#drop();
    if (type === SubscribeType.NONE) {
      this.#set(StageParticipantSubscribeState.NOT_SUBSCRIBED);
      return;
    }
    if (!this.#options.allowed) {
      const failure = new Failure("TOKEN_NOT_ALLOWED", "the token does not allow to subscribe");
      this.#set(StageParticipantSubscribeState.ERRORED, failure);
      return;
    }
    const keeper: Keeper<Session> = new Keeper<Session>({
      open: (signal) => this.#options.gate.pass(signal, () => this.#open(type, signal)),
      changed: (state, failure) => keeper === this.#keeper && this.#changed(state, failure),
      patience: PATIENCE,
      endless: (failure) => NOT_YET.includes(failure.code),
    });
    this.#keeper = keeper;
    keeper.start();
  }

  /** The participant did something: what was not there before may be now. */
  hurry(): void {
    this.#keeper?.hurry();
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

  #open(type: SubscribeType, signal: AbortSignal): Promise<Session> {
    const { whipUrl, token, participant } = this.#options;
    const kinds = type === SubscribeType.AUDIO_ONLY ? (["audio"] as const) : (["audio", "video"] as const);
    return Session.open(
      {
        url: `${whipUrl}/subscribe/${encodeURIComponent(participant.id)}`,
        token,
        prepare: (pc) => {
          for (const kind of kinds) prefer(pc.addTransceiver(kind, { direction: "recvonly" }), kind, RTCRtpReceiver);
        },
        offer: (sdp) => withOpus(sdp, { stereo: true }), // without it both channels would be mixed to one
      },
      signal,
    );
  }

  #changed(state: KeeperState, failure?: Failure): void {
    if (state === "open") {
      this.#set(StageParticipantSubscribeState.SUBSCRIBED);
      const transceivers = this.#keeper?.current?.pc.getTransceivers() ?? [];
      this.streams = transceivers
        .filter(({ currentDirection }) => currentDirection === "recvonly" || currentDirection === "sendrecv")
        .map(({ receiver }) => new RemoteStageStream(this.#options.participant, receiver));
      if (this.streams.length > 0) this.#options.added(this.streams);
      return;
    }
    this.#drop();
    if (state === "connecting") this.#set(StageParticipantSubscribeState.ATTEMPTING_SUBSCRIBE);
    else this.#set(StageParticipantSubscribeState.ERRORED, failure);
  }

  #drop(): void {
    const gone = this.streams;
    this.streams = [];
    if (gone.length > 0) this.#options.removed(gone);
  }

  #set(state: StageParticipantSubscribeState, failure?: Failure): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.changed(state, failure);
  }
}
