import {
  LocalStageStream,
  NetworkQuality,
  RemoteStageStream,
  Stage,
  StageConnectionState,
  StageError,
  StageErrorCategory,
  StageErrorCode,
  StageEvents,
  StageLeftReason,
  type StageParticipantInfo,
  StageParticipantPublishState,
  StageParticipantSubscribeState,
  type StageStrategy,
  type StageStream,
  SubscribeType,
} from "@streamcat/client";
import type { Gone, Line, OpenStage, Outgoing, PortEvents, PortPerson, PortTrouble, StagePort } from "./port";

/** Opens a stage by the real-time library. */
export const openStage: OpenStage = (token, events) => new ClientPort(token, events);

const gone: Readonly<Record<string, Gone>> = {
  [StageLeftReason.USER_INITIATED]: "left",
  [StageLeftReason.PARTICIPANT_DISCONNECTED]: "removed",
  [StageLeftReason.STAGE_DELETED]: "deleted",
  [StageLeftReason.TOKEN_REUSED]: "elsewhere",
};

const receiving = {
  [StageParticipantSubscribeState.NOT_SUBSCRIBED]: "none",
  [StageParticipantSubscribeState.ATTEMPTING_SUBSCRIBE]: "trying",
  [StageParticipantSubscribeState.SUBSCRIBED]: "on",
  [StageParticipantSubscribeState.ERRORED]: "failed",
} as const;

const sending = {
  [StageParticipantPublishState.NOT_PUBLISHED]: "off",
  [StageParticipantPublishState.ATTEMPTING_PUBLISH]: "trying",
  [StageParticipantPublishState.PUBLISHED]: "on",
  [StageParticipantPublishState.ERRORED]: "failed",
} as const;

class ClientPort implements StagePort, StageStrategy {
  readonly #stage: Stage;
  readonly #events: PortEvents;
  /** One per track: another object would be published anew. */
  readonly #streams = new WeakMap<MediaStreamTrack, LocalStageStream>();
  readonly #received = new Map<string, StageStream[]>();
  #me: string | undefined;
  #publishing: LocalStageStream[] = [];
  #trouble: PortTrouble | undefined;
  #why: PortTrouble | undefined;
  #over = false;

  constructor(token: string, events: PortEvents) {
    this.#events = events;
    const stage = new Stage(token, this);
    this.#stage = stage;
    const told = (p: StageParticipantInfo) => {
      if (p.isLocal) this.#me = p.id;
      events.onPerson(person(p));
    };
    stage.on(StageEvents.STAGE_CONNECTION_STATE_CHANGED, (state) => {
      if (state === StageConnectionState.CONNECTED) events.onConnection("connected");
      else if (state === StageConnectionState.CONNECTING) events.onConnection("connecting");
      else if (!this.#over && state === StageConnectionState.ERRORED) events.onConnection("lost");
    });
    stage.on(StageEvents.STAGE_PARTICIPANT_JOINED, told);
    stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, told);
    stage.on(StageEvents.STAGE_STREAM_MUTE_CHANGED, told);
    stage.on(StageEvents.STAGE_PARTICIPANT_LEFT, (p) => {
      this.#received.delete(p.id);
      events.onLeft(p.id);
    });
    stage.on(StageEvents.STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED, (p, state) => {
      told(p);
      if (p.isLocal)
        events.onSending(sending[state], state === StageParticipantPublishState.ERRORED ? this.#trouble : undefined);
    });
    stage.on(StageEvents.STAGE_PARTICIPANT_SUBSCRIBE_STATE_CHANGED, (p, state) => {
      if (!p.isLocal) events.onReceiving(p.id, receiving[state]);
    });
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (p, streams) => {
      if (p.isLocal) return;
      this.#now(p, [...without(this.#received.get(p.id), streams), ...streams]);
    });
    stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, (p, streams) => {
      if (!p.isLocal) this.#now(p, without(this.#received.get(p.id), streams));
    });
    stage.on(StageEvents.ERROR, (error) => {
      if (error.category === StageErrorCategory.JOIN_ERROR) this.#why = trouble(error);
      if (error.category !== StageErrorCategory.PUBLISH_ERROR) return;
      this.#trouble = trouble(error);
      events.onSending("failed", this.#trouble);
    });
    stage.on(StageEvents.STAGE_LEFT, (reason) => {
      this.#over = true;
      events.onGone(gone[reason] ?? "unknown", this.#why);
    });
  }

  async join(): Promise<void> {
    try {
      await this.#stage.join();
    } catch (cause) {
      throw trouble(cause);
    }
  }

  leave(): void {
    this.#over = true;
    this.#stage.leave();
  }

  again(): void {
    this.#stage.refreshStrategy();
  }

  send({ audio, video, audioMuted, videoStopped }: Outgoing): void {
    const next: LocalStageStream[] = [];
    for (const [track, muted] of [
      [audio, audioMuted],
      [video, videoStopped],
    ] as const) {
      if (!track) continue;
      const stream = this.#streams.get(track) ?? this.#make(track);
      stream.setMuted(muted);
      next.push(stream);
    }
    const same = next.length === this.#publishing.length && next.every((s, i) => s === this.#publishing[i]);
    this.#publishing = next;
    if (!same) this.#stage.refreshStrategy();
  }

  async stats(): Promise<RTCStatsReport[]> {
    const reports = await Promise.all(this.#publishing.map((stream) => stream.requestRTCStats().catch(() => undefined)));
    return reports.filter((report) => report !== undefined);
  }

  async lines(): Promise<ReadonlyMap<string, Line>> {
    const all = new Map<string, readonly StageStream[]>(this.#received);
    if (this.#me !== undefined) all.set(this.#me, this.#publishing);
    const read = [...all].map(async ([id, streams]) => [id, await worst(streams)] as const);
    const known = (await Promise.all(read)).flatMap(([id, line]) => (line ? [[id, line] as const] : []));
    return new Map(known);
  }

  stageStreamsToPublish(): LocalStageStream[] {
    return this.#publishing;
  }

  shouldPublishParticipant(): boolean {
    return this.#publishing.length > 0;
  }

  shouldSubscribeToParticipant(): SubscribeType {
    return SubscribeType.AUDIO_VIDEO;
  }

  #make(track: MediaStreamTrack): LocalStageStream {
    const stream = new LocalStageStream(track, track.kind === "audio" ? { maxAudioBitrateKbps: 96 } : {});
    this.#streams.set(track, stream);
    return stream;
  }

  #now(p: StageParticipantInfo, streams: StageStream[]): void {
    this.#received.set(p.id, streams);
    this.#events.onPerson(person(p));
    this.#events.onTracks(
      p.id,
      streams.map((s) => s.mediaStreamTrack),
    );
  }
}

/** Streams but for those of these tracks. */
const without = (streams: readonly StageStream[] = [], away: readonly StageStream[]) =>
  streams.filter((s) => !away.some((a) => a.mediaStreamTrack === s.mediaStreamTrack));

/** The line of somebody with these streams. */
async function worst(streams: readonly StageStream[]): Promise<Line | undefined> {
  const read = await Promise.all(streams.map((stream) => qualityOf(stream).catch(() => undefined)));
  const known = read.filter((quality) => quality !== undefined);
  if (known.length === 0) return undefined;
  const least = Math.min(...known);
  return least >= NetworkQuality.NORMAL ? "good" : least === NetworkQuality.POOR ? "poor" : "down";
}

async function qualityOf(stream: StageStream): Promise<NetworkQuality | undefined> {
  if (stream instanceof RemoteStageStream) return (await stream.requestQualityStats())?.networkQuality;
  if (!(stream instanceof LocalStageStream)) return undefined;
  // Of several sizes the best counts: one that has no room now tells nothing of those that go out.
  const sizes = (await stream.requestQualityStats())?.flatMap((one) => one.networkQuality ?? []) ?? [];
  return sizes.length > 0 ? (Math.max(...sizes) as NetworkQuality) : undefined;
}

const person = (p: StageParticipantInfo): PortPerson => ({
  id: p.id,
  userId: p.userId,
  attributes: p.attributes,
  publisher: p.capabilities.has("publish"),
  local: p.isLocal,
  publishing: p.isPublishing,
  audioMuted: p.audioMuted,
  videoStopped: p.videoStopped,
});

const names = new Map(Object.entries(StageErrorCode).map(([name, code]) => [code, name]));

function trouble(cause: unknown): PortTrouble {
  if (cause instanceof StageError) return { code: names.get(cause.code) ?? "FAILED", message: cause.message };
  return { code: "FAILED", message: cause instanceof Error ? cause.message : String(cause) };
}
