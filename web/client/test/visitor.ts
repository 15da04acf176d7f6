// A stage for tests: a token, a participant of ours, and a record of what was told.
import type { StageStrategy } from "../src/index.js";
import { LocalStageStream, Stage, StageEvents, SubscribeType } from "../src/index.js";
import { FakeSocket, last, settle, track } from "./fakes.js";

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

export function token(claims: object = {}): string {
  const payload = {
    jti: "ada",
    topic: "stage1",
    events_url: "wss://live.example/stage-events/",
    whip_url: "https://live.example/whip",
    capabilities: { allow_publish: true, allow_subscribe: true },
    user_id: "ünï",
    ...claims,
  };
  return `${part({ alg: "ES384" })}.${part(payload)}.c2ln`;
}

/** A participant as the server tells. */
export const person = (id: string, more: object = {}) => ({
  id,
  userId: `user-${id}`,
  attributes: { username: id },
  isPublishing: false,
  audioMuted: false,
  videoStopped: false,
  capabilities: ["publish", "subscribe"],
  joinedAt: 1_790_000_000_000,
  ...more,
});

export const state = (...others: object[]) => ({
  stageId: "stage1",
  sessionId: "st-1",
  participantId: "ada",
  participants: [person("ada"), ...others],
});

export const update = (changes: object) => ({ joined: [], changed: [], left: [], ...changes });

export class Visitor {
  streams: LocalStageStream[] = [];
  publish = false;
  subscribe: unknown = SubscribeType.AUDIO_VIDEO;
  readonly told: string[] = [];
  readonly errors: { code: number; category: string; message: string }[] = [];
  readonly stage: Stage;
  readonly strategy: StageStrategy = {
    stageStreamsToPublish: () => this.streams,
    shouldPublishParticipant: () => this.publish,
    shouldSubscribeToParticipant: () => this.subscribe as SubscribeType,
  };

  constructor(own = token()) {
    this.stage = new Stage(own, this.strategy);
    const names = Object.fromEntries(Object.entries(StageEvents).map(([key, value]) => [value, key]));
    for (const event of Object.values(StageEvents)) {
      this.stage.on(event, (...args: unknown[]) => this.told.push([names[event], ...args.map(words)].join(" ")));
    }
    this.stage.on(StageEvents.ERROR, (error) => this.errors.push(error));
  }

  /** Begins to join, and lets the server say who is there. */
  async join(...others: object[]): Promise<void> {
    const joined = this.stage.join();
    await settle();
    last(FakeSocket.all).say("STAGE_STATE", state(...others));
    await joined;
    await settle();
  }

  async hear(type: string, payload?: object): Promise<void> {
    last(FakeSocket.all).say(type, payload);
    await settle();
  }

  /** What was told since the last time, without what does not matter. */
  news(only?: RegExp): string[] {
    return this.told.splice(0).filter((line) => !only || only.test(line));
  }
}

function words(value: unknown): string {
  if (Array.isArray(value)) return value.map((stream: { streamType: string }) => stream.streamType).join("+");
  if (value instanceof Error) return (value as Error & { code: number }).code.toString();
  if (typeof value !== "object" || value === null) return String(value);
  if ("streamType" in value && "isMuted" in value) return `${String(value.streamType)} ${value.isMuted ? "muted" : "heard"}`;
  return (value as { id: string }).id;
}

export const camera = (configuration = {}) => new LocalStageStream(track("video", { width: 640, height: 480 }), configuration);
export const microphone = (configuration = {}) => new LocalStageStream(track("audio"), configuration);
