import type { ParticipantFrame } from "./frames.js";
import type { TokenPayload } from "./token.js";

/** What a participant's token allows. */
export type StageParticipantCapability = "publish" | "subscribe";

/** Somebody on a stage. The object stays the same while they are there; its values follow them. */
export interface StageParticipantInfo {
  /** The participant id: one per token. */
  readonly id: string;
  /** The user id of the token; empty when it has none. */
  readonly userId: string;
  /** The attributes of the token, as everybody on the stage sees them. */
  readonly attributes: Readonly<Record<string, string>>;
  /** The same as `attributes`. */
  readonly userInfo: Readonly<Record<string, string>>;
  readonly capabilities: ReadonlySet<StageParticipantCapability>;
  /** Whether this is who holds our token. */
  readonly isLocal: boolean;
  readonly isPublishing: boolean;
  /** The participant sends no pictures now. */
  readonly videoStopped: boolean;
  /** The participant sends no sound now. */
  readonly audioMuted: boolean;
}

/** What is other than before. */
interface Changes {
  publishing: boolean;
  metadata: boolean;
  audioMuted: boolean;
  videoStopped: boolean;
}

/** A participant as the events socket tells. */
export class Participant implements StageParticipantInfo {
  readonly id: string;
  readonly isLocal: boolean;
  userId = "";
  attributes: Readonly<Record<string, string>> = {};
  capabilities: ReadonlySet<StageParticipantCapability> = new Set();
  isPublishing = false;
  videoStopped = false;
  audioMuted = false;

  constructor(frame: ParticipantFrame, isLocal: boolean) {
    this.id = frame.id;
    this.isLocal = isLocal;
    this.follow(frame);
  }

  get userInfo(): Readonly<Record<string, string>> {
    return this.attributes;
  }

  /** Takes over what another token says, and says whether that is news. */
  become({ userId, attributes, mayPublish, maySubscribe }: TokenPayload): boolean {
    const capabilities: StageParticipantCapability[] = [];
    if (mayPublish) capabilities.push("publish");
    if (maySubscribe) capabilities.push("subscribe");
    const { id, isPublishing, audioMuted, videoStopped } = this;
    return this.follow({ id, userId, attributes, capabilities, isPublishing, audioMuted, videoStopped }).metadata;
  }

  /** Takes over what is new, and says what that was. */
  follow(frame: ParticipantFrame): Changes {
    const capabilities = new Set(frame.capabilities);
    const changed = {
      publishing: this.isPublishing !== frame.isPublishing,
      metadata:
        this.userId !== frame.userId ||
        !same(this.attributes, frame.attributes) ||
        this.capabilities.size !== capabilities.size ||
        [...capabilities].some((one) => !this.capabilities.has(one)),
      audioMuted: this.audioMuted !== frame.audioMuted,
      videoStopped: this.videoStopped !== frame.videoStopped,
    };
    this.userId = frame.userId;
    if (changed.metadata) this.attributes = Object.freeze({ ...frame.attributes });
    this.capabilities = capabilities;
    this.isPublishing = frame.isPublishing;
    this.audioMuted = frame.audioMuted;
    this.videoStopped = frame.videoStopped;
    return changed;
  }
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** What is known of a participant of whom nothing was told. */
export function stranger(id: string): ParticipantFrame {
  return {
    id,
    userId: "",
    attributes: {},
    isPublishing: false,
    audioMuted: false,
    videoStopped: false,
    capabilities: [],
  };
}
