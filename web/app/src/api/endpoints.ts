import { request } from "./client";
import type {
  Category,
  Channel,
  Channels,
  ChatDeed,
  ChatModes,
  ChatPenalty,
  ChatRules,
  ChatState,
  ChatToken,
  Dashboard,
  Doing,
  GuestSeat,
  Invitation,
  Moderator,
  PinnedMessage,
  RealTime,
  Sentence,
  Session,
  SrtWay,
  StageToken,
  Studio,
  TrialSeat,
  User,
} from "./types";

const at = encodeURIComponent;
const chat = (username: string, rest = "") => `/api/channels/${at(username)}/chat${rest}`;
const page = (after: string) => (after ? `?after=${at(after)}` : "");

export const api = {
  session: (signal?: AbortSignal) => request<Session>("GET", "/api/session", undefined, signal),
  register: (username: string, password: string) => request<{ user: User }>("POST", "/api/register", { username, password }),
  signIn: (username: string, password: string) => request<{ user: User }>("POST", "/api/signin", { username, password }),
  signOut: () => request<void>("POST", "/api/signout", {}),

  categories: (signal?: AbortSignal) => request<{ categories: Category[] }>("GET", "/api/categories", undefined, signal),
  channels: (signal?: AbortSignal) => request<Channels>("GET", "/api/channels", undefined, signal),
  channel: (username: string, signal?: AbortSignal) =>
    request<Channel>("GET", `/api/channels/${at(username)}`, undefined, signal),
  chatToken: (username: string, signal?: AbortSignal) =>
    request<ChatToken>("POST", `/api/channels/${at(username)}/chat-token`, {}, signal),

  chat: (username: string, signal?: AbortSignal) => request<ChatState>("GET", chat(username), undefined, signal),
  /** From here on for who keeps order in a chat: 403 for others. */
  setModes: (username: string, change: Partial<ChatModes>) => request<ChatModes>("PATCH", chat(username, "/modes"), change),
  pin: (username: string, message: PinnedMessage) => request<PinnedMessage>("PUT", chat(username, "/pinned"), message),
  unpin: (username: string) => request<void>("DELETE", chat(username, "/pinned")),
  deleteMessage: (username: string, message: { messageId: string; userId: string; name: string; content: string }) =>
    request<void>("POST", chat(username, "/delete"), message),
  ban: (username: string, whom: Sentence) => request<ChatPenalty>("POST", chat(username, "/bans"), whom),
  timeOut: (username: string, whom: Sentence) => request<ChatPenalty>("POST", chat(username, "/time-outs"), whom),
  liftBan: (username: string, userId: string) => request<void>("DELETE", chat(username, `/bans/${at(userId)}`)),
  liftTimeOut: (username: string, userId: string) => request<void>("DELETE", chat(username, `/time-outs/${at(userId)}`)),
  bans: (username: string, after = "", signal?: AbortSignal) =>
    request<{ bans: ChatPenalty[]; next: string }>("GET", chat(username, `/bans${page(after)}`), undefined, signal),
  timeOuts: (username: string, after = "", signal?: AbortSignal) =>
    request<{ timeOuts: ChatPenalty[]; next: string }>("GET", chat(username, `/time-outs${page(after)}`), undefined, signal),
  moderators: (username: string, signal?: AbortSignal) =>
    request<{ moderators: Moderator[] }>("GET", chat(username, "/moderators"), undefined, signal),
  addModerator: (username: string, name: string) => request<Moderator>("PUT", chat(username, `/moderators/${at(name)}`), {}),
  removeModerator: (username: string, name: string) => request<void>("DELETE", chat(username, `/moderators/${at(name)}`)),
  chatLog: (username: string, after = "", signal?: AbortSignal) =>
    request<{ entries: ChatDeed[]; next: string }>("GET", chat(username, `/log${page(after)}`), undefined, signal),
  undo: (username: string, id: string) => request<void>("POST", chat(username, `/log/${at(id)}/undo`), {}),
  /** The owner's alone. */
  chatRules: (username: string, signal?: AbortSignal) => request<ChatRules>("GET", chat(username, "-rules"), undefined, signal),
  setChatRules: (username: string, rules: ChatRules) => request<ChatRules>("PUT", chat(username, "-rules"), rules),

  /** A place to try one's connection from, for anybody. 429 when too many do. */
  check: (signal?: AbortSignal) => request<TrialSeat>("POST", "/api/check", {}, signal),

  dashboard: (signal?: AbortSignal) => request<Dashboard>("GET", "/api/dashboard", undefined, signal),
  /** With what was measured after a time, in seconds; at most the last ten minutes. */
  streamHealth: (after: number | undefined, signal?: AbortSignal) =>
    request<Doing>("GET", `/api/dashboard/health${after === undefined ? "" : `?after=${after}`}`, undefined, signal),
  saveDashboard: (change: { title?: string; categoryId?: string }) => request<Dashboard>("PATCH", "/api/dashboard", change),
  revealStreamKey: () => request<{ value: string }>("POST", "/api/dashboard/stream-key/reveal", {}),
  revealSrt: () => request<SrtWay>("POST", "/api/dashboard/srt/reveal", {}),
  resetStreamKey: () => request<{ masked: string }>("POST", "/api/dashboard/stream-key/reset", {}),

  studio: (signal?: AbortSignal) => request<Studio>("GET", "/api/studio", undefined, signal),
  /** The host's own seat: may publish and subscribe. `refused` names the participant of a token that was not taken. */
  studioToken: (signal?: AbortSignal, refused = "") =>
    request<StageToken>("POST", "/api/studio/token", refused ? { refused } : {}, signal),
  /** `userId` and `name` as the chat knows the person. */
  invite: (userId: string, name: string) => request<Invitation>("POST", "/api/studio/invitations", { userId, name }),
  withdrawInvitation: (id: string) => request<void>("DELETE", `/api/studio/invitations/${at(id)}`),
  removeParticipant: (participantId: string) => request<void>("POST", "/api/studio/remove", { participantId }),
  /** 409 with code `not-on-stage` while the host does not publish. */
  setRealTime: (isLive: boolean) => request<RealTime>("POST", "/api/studio/real-time", { isLive }),
  /** A seat to watch from, for anybody. 409 with code `not-real-time` while there is nothing to watch. */
  stageToken: (username: string, signal?: AbortSignal, refused = "") =>
    request<StageToken>("POST", `/api/channels/${at(username)}/stage-token`, refused ? { refused } : {}, signal),
  /** 403 with code `not-yours`; 410 with code `expired`, `removed` or `withdrawn`; 404. */
  join: (username: string, invitation: string, signal?: AbortSignal) =>
    request<GuestSeat>("POST", `/api/channels/${at(username)}/join`, { invitation }, signal),
};
