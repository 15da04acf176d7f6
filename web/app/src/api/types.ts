/** The shapes of the app's own JSON, as the server writes them. Times are RFC 3339. */

export interface User {
  username: string;
  createdAt: string;
}

export interface Session {
  user: User | null;
  /** False while the server still prepares what registration needs. */
  ready: boolean;
}

export interface Category {
  id: string;
  name: string;
}

export interface ChannelCard {
  username: string;
  title: string;
  category: Category;
  /** On air on the channel, some seconds behind (HLS). */
  live: boolean;
  /** When the running stream began; absent or null while off air. */
  startedAt?: string | null;
  viewers: number;
  /** Live, but nothing comes from the encoder now: the stream may have its picture back. */
  interrupted?: boolean;
  /** The streamer is on the stage and told the viewers: they may watch there, hardly behind at all. */
  realTime?: boolean;
  realTimeSince?: string | null;
}

export interface Channel extends ChannelCard {
  playbackUrl: string;
  channelArn: string;
  room: { available: boolean };
  createdAt: string;
  lastLiveAt?: string | null;
}

export interface Channels {
  live: ChannelCard[];
  recent: ChannelCard[];
}

export interface ChatToken {
  token: string;
  tokenExpirationTime: string;
  sessionExpirationTime: string;
  endpoint: string;
  userId: string;
  displayName: string;
  capabilities: string[];
  /** The server's time when rooms keep a past that can be asked for: what was said before it. Null or absent where they do not. */
  past?: string | null;
}

export type ChatRole = "owner" | "moderator" | "viewer" | "guest";

/** Rules for all who write but owner and moderators. */
export interface ChatModes {
  /** Seconds between two messages of one person; 0: off. */
  slowMode: number;
  followersOnly: boolean;
  noGuests: boolean;
}

export interface PinnedMessage {
  messageId: string;
  content: string;
  userId: string;
  name: string;
  /** Who pinned it, where that is told. */
  by?: string;
  pinnedAt?: string;
}

/** What everybody may know of a chat. */
export interface ChatState extends ChatModes {
  /** Which modes can be kept here. */
  available: { slowMode: boolean; followersOnly: boolean; noGuests: boolean };
  pinned: PinnedMessage | null;
  /** Of who asks. */
  role: ChatRole;
}

/** A ban or a time-out. */
export interface ChatPenalty {
  userId: string;
  name: string;
  reason: string;
  madeAt: string;
  /** Null: for ever. */
  until: string | null;
}

export interface Moderator {
  userId: string;
  username: string;
  addedAt: string;
}

/** One thing that was done to keep order. */
export interface ChatDeed {
  id: string;
  at: string;
  actor: string;
  action: string;
  target: { userId: string; name: string } | null;
  detail: Record<string, unknown>;
  undoneAt: string | null;
  undoneBy?: string;
  canUndo: boolean;
}

/** What the reviewer of messages minds. */
export interface ChatRules {
  blockedWords: string[];
  links: "allow" | "deny";
  repetition: boolean;
  capitals: boolean;
  crowds: boolean;
}

/** Whom something is done to, as the chat knows them. */
export interface Sentence {
  userId: string;
  name: string;
  reason: string;
  /** 0: for ever, which a time-out cannot be. */
  seconds: number;
}

/** Where a browser may send a broadcast (WHIP). */
export interface WhipDoor {
  endpoint: string;
}

/** How an encoder publishes over SRT: all in one address, and the passphrase that it holds. */
export interface SrtWay {
  address: string;
  passphrase: string;
}

export interface Dashboard {
  username: string;
  title: string;
  category: Category;
  live: boolean;
  startedAt?: string | null;
  viewers: number;
  interrupted?: boolean;
  realTime?: boolean;
  realTimeSince?: string | null;
  /** Null where the video service has no such door for channels. */
  whip?: WhipDoor | null;
  ingest: { server: string; protocol: string; insecureNote?: string };
  /** Null where the video service takes no SRT. */
  srt?: { server: string; masked: SrtWay } | null;
  streamKey: { masked: string };
  channelPath: string;
  playbackUrl: string;
}

/** How the own stream does. `available` is false where the video service does not measure. */
export interface Doing {
  available: boolean;
  /** Null while off air. */
  stream: StreamHealth | null;
  /** Seconds until the stream ends unless its encoder, which was lost, is back; null while it is there. */
  wait: number | null;
  history: HealthHistory | null;
}

export interface StreamHealth {
  streamId: string;
  startTime: string;
  health: string;
  viewerCount: number;
  encoder: string;
  advice: Advice[];
}

/** What the encoder should do otherwise: `message` says what was found, `remedy` names its own field. */
export interface Advice {
  code: string;
  severity: "WARNING" | "HINT";
  since: string;
  message: string;
  remedy: string;
}

/** A value of each for each time (seconds since 1970, the beginnings of five seconds); null where nothing is known. */
export interface HealthHistory {
  times: number[];
  /** Bits per second. */
  bitrate: (number | null)[];
  frameRate: (number | null)[];
  /** Seconds. */
  keyframes: (number | null)[];
  viewers: (number | null)[];
}

export interface RealTime {
  isLive: boolean;
  since: string | null;
}

/** waiting: not come yet, or come and gone · removed: by the host · withdrawn: before anybody came. */
export type InvitationState = "waiting" | "joined" | "removed" | "withdrawn" | "expired";

export interface Invitation {
  id: string;
  userId: string;
  name: string;
  /** Chats without an account. */
  guest: boolean;
  state: InvitationState;
  createdAt: string;
  expiresAt: string;
  participantId: string;
}

export interface Studio {
  username: string;
  stageId: string;
  realTime: RealTime;
  whip: WhipDoor | null;
  invitations: Invitation[];
}

/** A seat on a stage. The token is a secret of whom it was made for. */
export interface StageToken {
  token: string;
  participantId: string;
  expirationTime: string;
  userId: string;
  username: string;
  stageId: string;
}

/** The seat that an invitation promised. */
export interface GuestSeat extends StageToken {
  host: string;
}

/** A place on a stage that nobody watches: its token may publish, for so many seconds. */
export interface TrialSeat {
  token: string;
  seconds: number;
}

/** One text frame of the live feed. */
export interface LiveFrame {
  type: "channel";
  channel: ChannelCard;
}
