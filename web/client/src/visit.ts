import { report, type Emitter } from "./emitter.js";
import { StageErrorCategory, stageError } from "./errors.js";
import type { StageEventPayloads } from "./events.js";
import { Failure } from "./failure.js";
import type { Frame, ParticipantFrame } from "./frames.js";
import { Gate } from "./gate.js";
import { Keeper, type KeeperState } from "./keeper.js";
import { initialOf, Layering } from "./layering.js";
import { Line } from "./line.js";
import { Mutes } from "./mutes.js";
import { Participant, stranger } from "./participant.js";
import { Publishing } from "./publishing.js";
import { Slots } from "./slots.js";
import { LEFT, StageConnectionState, StageLeftReason, StageParticipantPublishState } from "./states.js";
import { type StageStrategy, SubscribeType } from "./strategy.js";
import { Subscription } from "./subscribing.js";
import type { TokenPayload } from "./token.js";
import { canceled } from "./wait.js";

const PATIENCE = { first: 15_000, again: 60_000 };
/** Joining costs work on both sides: a few at a time, so that the first pictures come early. */
const JOINING_AT_ONCE = 4;

/** The token that the visit goes by. */
export interface Pass {
  token: string;
  payload: TokenPayload;
}

export interface VisitOptions {
  pass: Pass;
  strategy: () => StageStrategy;
  events: Emitter<StageEventPayloads>;
  /** Called first when the visit ends, before any event of that. */
  ended: () => void;
}

interface Remote {
  participant: Participant;
  subscription: Subscription;
}

/** One stay on a stage, from join() until it is left, for whatever reason. */
export class Visit {
  /** Settles when the stage is joined, or cannot be. */
  readonly joined: Promise<void>;
  readonly #options: VisitOptions;
  readonly #events: Emitter<StageEventPayloads>;
  readonly #keeper: Keeper<Line>;
  #pass: Pass;
  /** Ends an exchange of tokens that is under way. */
  #exchange: AbortController | undefined;
  readonly #publishing: Publishing;
  readonly #gate = new Gate(JOINING_AT_ONCE);
  readonly #remotes = new Map<string, Remote>();
  readonly #layering: Layering;
  readonly #mutes: Mutes;
  #slots: Slots | undefined;
  #local: Participant | undefined;
  #sessionId = "";
  #line: Line | undefined;
  #lostAt = 0;
  #state: StageConnectionState = StageConnectionState.DISCONNECTED;
  #arrive!: () => void;
  #refuse!: (error: Error) => void;
  #over = false;
  #asking = false;
  #askAgain: { afresh: boolean } | undefined;

  constructor(options: VisitOptions) {
    this.#options = options;
    this.#events = options.events;
    this.joined = new Promise((resolve, reject) => ([this.#arrive, this.#refuse] = [resolve, reject]));
    this.joined.catch(() => {}); // whoever awaits it hears of it; nobody has to
    this.#pass = options.pass;
    const pass = () => this.#pass;
    const send = (type: string, payload: object) => void this.#line?.send(type, payload);
    this.#layering = new Layering({ strategy: options.strategy, events: options.events, send });
    this.#mutes = new Mutes({
      now: () => (this.#line && this.#publishing.streams.length > 0 ? this.#publishing.mutes : undefined),
      send,
    });
    const { eventsUrl, topic, whipUrl } = this.#pass.payload;
    this.#keeper = new Keeper<Line>({
      open: (signal) =>
        Line.open({ url: `${eventsUrl}/${topic}`, token: this.#pass.token, receive: (frame) => this.#receive(frame) }, signal),
      changed: (state, failure) => this.#changed(state, failure),
      patience: PATIENCE,
    });
    this.#publishing = new Publishing({
      whipUrl,
      get token() {
        return pass().token;
      },
      get allowed() {
        return pass().payload.mayPublish;
      },
      changed: (state, failure) => this.#published(state, failure),
      added: (streams) => this.#local && this.#events.emit("stageParticipantStreamsAdded", this.#local, streams),
      removed: (streams) => this.#local && this.#events.emit("stageParticipantStreamsRemoved", this.#local, streams),
      muted: (stream) => {
        this.#tellMute();
        if (this.#local) this.#events.emit("stageStreamMuteChanged", this.#local, stream);
      },
    });
  }

  begin(): void {
    globalThis.addEventListener?.("online", this.#online);
    globalThis.addEventListener?.("pagehide", this.#pagehide);
    globalThis.addEventListener?.("pageshow", this.#online);
    this.#keeper.start();
  }

  leave(): void {
    this.#end(StageLeftReason.USER_INITIATED, StageConnectionState.DISCONNECTED);
  }

  /** Goes on by another token of the same participant. Rejects with a Failure, and goes on by the former one. */
  async exchange(next: Pass): Promise<void> {
    const { payload } = this.#pass;
    for (const name of ["topic", "participantId", "eventsUrl", "whipUrl"] as const) {
      if (next.payload[name] === payload[name]) continue;
      throw new Failure("TOKEN_EXCHANGE_REQUEST_INVALID", `the new token has another ${name}`);
    }
    if (!this.#line || !this.#local) throw new Failure("FAILED", "the stage is not joined now");
    if (this.#exchange) throw new Failure("FAILED", "another token is being exchanged");
    this.#exchange = new AbortController();
    try {
      await this.#line.exchange(next.token, this.#exchange.signal);
    } finally {
      this.#exchange = undefined;
    }
    if (this.#over) throw canceled();
    this.#pass = next;
    const local = this.#local;
    if (local.become(next.payload)) this.#events.emit("stageParticipantMetadataChanged", local);
    if (!next.payload.maySubscribe) this.#slots?.stop();
    this.recompute(true);
  }

  /** Asks the strategy and brings about what it says; `afresh` also where it failed before. */
  recompute(afresh: boolean): void {
    // Events of the changes below may bring the caller here again: one after the other.
    this.#askAgain = { afresh: afresh || (this.#askAgain?.afresh ?? false) };
    if (this.#asking) return;
    this.#asking = true;
    try {
      while (this.#askAgain && !this.#over && this.#local) {
        const turn = this.#askAgain;
        this.#askAgain = undefined;
        this.#follow(this.#local, turn.afresh);
      }
    } finally {
      this.#asking = false;
    }
  }

  #follow(local: Participant, afresh: boolean): void {
    const strategy = this.#options.strategy();
    try {
      const streams = strategy.shouldPublishParticipant(local) ? strategy.stageStreamsToPublish() : [];
      this.#publishing.want(streams, afresh);
      this.#tellMute();
    } catch (error) {
      report(error); // it stays as it is
    }
    for (const { participant, subscription } of [...this.#remotes.values()]) {
      if (this.#over) return;
      if (!this.#remotes.has(participant.id)) continue;
      try {
        const type = participant.isPublishing ? strategy.shouldSubscribeToParticipant(participant) : SubscribeType.NONE;
        const known = type === SubscribeType.AUDIO_ONLY || type === SubscribeType.AUDIO_VIDEO;
        subscription.hear(strategy.subscribeConfiguration?.(participant)?.inBandMessaging?.enabled ?? false);
        subscription.want(known ? type : SubscribeType.NONE, afresh);
      } catch (error) {
        report(error);
      }
    }
    this.#layering.refresh();
  }

  #changed(state: KeeperState, failure?: Failure): void {
    if (state === "open") {
      this.#line = this.#keeper.current;
      this.#tellMute();
    } else if (state === "connecting") {
      this.#line = undefined;
      this.#lostAt = performance.now();
      this.#set(StageConnectionState.CONNECTING);
    } else this.#fail(failure ?? new Failure("FAILED", "the connection was lost"));
  }

  #fail(failure: Failure): void {
    const reason = LEFT[failure.code] ?? StageLeftReason.UNKNOWN;
    const told = this.#local !== undefined && reason !== StageLeftReason.UNKNOWN;
    this.#end(reason, told ? StageConnectionState.DISCONNECTED : StageConnectionState.ERRORED, told ? undefined : failure);
  }

  #receive(frame: Frame & { type: "STAGE_STATE" | "STAGE_UPDATE" | "SLOTS" | "LAYERS" }): void {
    if (this.#over) return;
    if (frame.type === "STAGE_STATE") this.#welcome(frame);
    else if (frame.type === "SLOTS") this.#slots?.hear(frame);
    else if (frame.type === "LAYERS") this.#layering.hear(frame);
    else {
      for (const id of frame.left) this.#gone(id);
      for (const p of [...frame.joined, ...frame.changed]) this.#here(p);
      this.recompute(false);
    }
  }

  #welcome(frame: Frame & { type: "STAGE_STATE" }): void {
    const again = this.#local !== undefined;
    // Another session than before: the server was started anew, and knows nothing of what we have open.
    const forgotten = again && frame.sessionId !== this.#sessionId;
    this.#sessionId = frame.sessionId;
    this.#set(StageConnectionState.CONNECTED);
    const own = frame.participants.find(({ id }) => id === frame.participantId);
    this.#mutes.known = { audioMuted: own?.audioMuted ?? false, videoStopped: own?.videoStopped ?? false };
    if (!this.#local) {
      this.#local = new Participant(own ?? stranger(frame.participantId), true);
      this.#local.isPublishing = false; // of an earlier visit with this token
      this.#arrive();
      this.#events.emit("stageParticipantJoined", this.#local);
    }
    if (frame.maxSlots > 0) this.#slots ??= this.#share(frame.maxSlots);
    this.#slots?.welcome();
    this.#layering.welcome();
    const present = new Set(frame.participants.map(({ id }) => id));
    for (const id of [...this.#remotes.keys()]) if (!present.has(id)) this.#gone(id);
    for (const p of frame.participants) this.#here(p);
    if (this.#over) return;
    if (forgotten) {
      this.#publishing.renew("the server has forgotten the session", this.#lostAt);
      this.#slots?.renew("the server has forgotten the session", this.#lostAt);
      for (const { subscription } of this.#remotes.values()) {
        subscription.renew("the server has forgotten the session", this.#lostAt);
      }
    } else if (again) this.#nudge();
    this.recompute(again);
  }

  #here(frame: ParticipantFrame): void {
    if (this.#over) return;
    const local = this.#local;
    if (local && frame.id === local.id) {
      // Of ourselves we know these best.
      const { isPublishing } = local;
      const changed = local.follow({ ...frame, isPublishing, ...this.#publishing.mutes });
      if (changed.metadata) this.#events.emit("stageParticipantMetadataChanged", local);
      return;
    }
    const known = this.#remotes.get(frame.id);
    if (!known) {
      const participant = new Participant(frame, false);
      this.#remotes.set(frame.id, { participant, subscription: this.#subscription(participant) });
      this.#events.emit("stageParticipantJoined", participant);
      if (participant.isPublishing) this.#remotePublish(participant);
      return;
    }
    const { participant, subscription } = known;
    const changed = participant.follow(frame);
    if (changed.metadata) this.#events.emit("stageParticipantMetadataChanged", participant);
    for (const stream of subscription.streams) {
      if (stream.streamType === "audio" ? changed.audioMuted : changed.videoStopped) {
        this.#events.emit("stageStreamMuteChanged", participant, stream);
      }
    }
    if (this.#over) return; // left by whoever heard of the above
    if (changed.publishing) {
      if (!participant.isPublishing) subscription.want(SubscribeType.NONE, false); // streams go before the state
      this.#remotePublish(participant);
    } else subscription.hurry();
  }

  #remotePublish(participant: Participant): void {
    if (!participant.isPublishing) this.#layering.forget(participant.id);
    const { PUBLISHED, NOT_PUBLISHED } = StageParticipantPublishState;
    const state = participant.isPublishing ? PUBLISHED : NOT_PUBLISHED;
    this.#events.emit("stageParticipantPublishStateChanged", participant, state);
  }

  #gone(id: string): void {
    const known = this.#remotes.get(id);
    if (!known) return;
    this.#remotes.delete(id);
    const { participant, subscription } = known;
    subscription.want(SubscribeType.NONE, false);
    if (participant.isPublishing) {
      participant.isPublishing = false;
      this.#remotePublish(participant);
    }
    this.#events.emit("stageParticipantLeft", participant);
  }

  #share(most: number): Slots {
    const pass = () => this.#pass;
    const send = (type: string, wishes: object) => void this.#line?.send(type, wishes);
    return new Slots({
      whipUrl: this.#pass.payload.whipUrl,
      get token() {
        return pass().token;
      },
      most,
      send,
    });
  }

  #subscription(participant: Participant): Subscription {
    const pass = () => this.#pass;
    return new Subscription({
      participant,
      get token() {
        return pass().token;
      },
      whipUrl: this.#pass.payload.whipUrl,
      get allowed() {
        return pass().payload.maySubscribe;
      },
      gate: this.#gate,
      slots: () => (this.#slots?.available ? this.#slots : undefined),
      changed: (state, failure) => {
        this.#events.emit("stageParticipantSubscribeStateChanged", participant, state);
        if (failure) this.#events.emit("error", stageError(StageErrorCategory.SUBSCRIBE_ERROR, failure));
      },
      initial: () => initialOf(this.#options.strategy(), participant),
      added: (streams) => this.#layering.added(participant, streams),
      removed: (streams) => this.#layering.removed(participant, streams),
      message: (message) => this.#events.emit("stageStreamSeiMessageReceived", participant, message),
    });
  }

  #published(state: StageParticipantPublishState, failure?: Failure): void {
    const local = this.#local;
    if (!local) return;
    local.isPublishing = state === StageParticipantPublishState.PUBLISHED;
    this.#events.emit("stageParticipantPublishStateChanged", local, state);
    if (failure) this.#events.emit("error", stageError(StageErrorCategory.PUBLISH_ERROR, failure));
  }

  /** Tells the others what of ours is muted, if that is news; soon, and not too often. */
  #tellMute(): void {
    if (this.#local) Object.assign(this.#local, this.#publishing.mutes);
    this.#mutes.tell();
  }

  /** The network is good: media that is not is begun anew. */
  #nudge(): void {
    this.#publishing.nudge();
    this.#slots?.nudge();
    for (const { subscription } of this.#remotes.values()) subscription.nudge();
  }

  /** The network changed, or the page is shown again: look what still works. */
  readonly #online = (): void => {
    this.#line?.probe();
    this.#keeper.hurry();
    this.#nudge();
  };

  readonly #pagehide = (): void => {
    this.#publishing.goodbye();
    this.#slots?.goodbye();
    for (const { subscription } of this.#remotes.values()) subscription.goodbye();
  };

  #end(reason: StageLeftReason, state: StageConnectionState, failure?: Failure): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.ended();
    globalThis.removeEventListener?.("online", this.#online);
    globalThis.removeEventListener?.("pagehide", this.#pagehide);
    globalThis.removeEventListener?.("pageshow", this.#online);
    this.#mutes.stop();
    this.#layering.stop();
    this.#exchange?.abort();
    const line = this.#line;
    this.#line = undefined;
    for (const id of [...this.#remotes.keys()]) this.#gone(id);
    this.#slots?.stop();
    this.#publishing.stop();
    line?.send("LEAVE");
    void this.#keeper.stop();
    const local = this.#local;
    if (local) this.#events.emit("stageParticipantLeft", local);
    this.#set(state);
    const error = stageError(StageErrorCategory.JOIN_ERROR, failure ?? new Failure("CANCELED", "the stage was left"));
    if (!local) this.#refuse(error);
    if (failure) this.#events.emit("error", error);
    if (local) this.#events.emit("stageLeft", reason);
  }

  #set(state: StageConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#events.emit("stageConnectionStateChanged", state);
  }
}
