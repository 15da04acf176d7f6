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
  live: boolean;
  /** When the running stream began; absent or null while off air. */
  startedAt?: string | null;
  viewers: number;
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
}

export interface Dashboard {
  username: string;
  title: string;
  category: Category;
  live: boolean;
  startedAt?: string | null;
  viewers: number;
  ingest: { server: string; protocol: string; insecureNote?: string };
  streamKey: { masked: string };
  channelPath: string;
  playbackUrl: string;
}

/** One text frame of the live feed. */
export interface LiveFrame {
  type: "channel";
  channel: ChannelCard;
}
