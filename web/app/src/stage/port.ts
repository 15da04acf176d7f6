/** What the app needs of a stage, in the app's words. `client.ts` fulfils it with the real-time library. */

export interface PortPerson {
  id: string;
  userId: string;
  attributes: Readonly<Record<string, string>>;
  /** May send picture and sound. */
  publisher: boolean;
  local: boolean;
  publishing: boolean;
  audioMuted: boolean;
  videoStopped: boolean;
}

/** Why one is on the stage no more, for good. */
export type Gone = "left" | "removed" | "deleted" | "elsewhere" | "unknown";

export interface PortTrouble {
  /** The stage's word: TOKEN_EXPIRED, STAGE_AT_CAPACITY and so on. */
  code: string;
  message: string;
}

export type Sending = "off" | "trying" | "on" | "failed";
export type Receiving = "none" | "trying" | "on" | "failed";

/** How well somebody's picture and sound come through: their worst stream counts. */
export type Line = "good" | "poor" | "down";

export interface PortEvents {
  onConnection: (state: "connecting" | "connected" | "lost") => void;
  /** Somebody came, or changed. */
  onPerson: (person: PortPerson) => void;
  onLeft: (id: string) => void;
  /** All tracks of somebody else that there are now. */
  onTracks: (id: string, tracks: readonly MediaStreamTrack[]) => void;
  onReceiving: (id: string, state: Receiving) => void;
  onSending: (state: Sending, trouble?: PortTrouble) => void;
  /** It is over and does not come back by itself; `unknown` comes with the trouble that ended it, if one is known. */
  onGone: (why: Gone, trouble?: PortTrouble) => void;
}

/** The own picture and sound; what is missing is not sent. */
export interface Outgoing {
  audio?: MediaStreamTrack | undefined;
  video?: MediaStreamTrack | undefined;
  audioMuted: boolean;
  videoStopped: boolean;
}

export interface StagePort {
  /** Rejects with a PortTrouble when the way in stays closed. */
  join: () => Promise<void>;
  leave: () => void;
  send: (outgoing: Outgoing) => void;
  /** Tries again what had failed. */
  again: () => void;
  /** What the browser counts about the own picture and sound. */
  stats: () => Promise<RTCStatsReport[]>;
  /** By participant, oneself as the server gets it. Whoever there is nothing to judge by is not in it. Never rejects. */
  lines: () => Promise<ReadonlyMap<string, Line>>;
}

export type OpenStage = (token: string, events: PortEvents) => StagePort | Promise<StagePort>;
