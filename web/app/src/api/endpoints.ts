import { request } from "./client";
import type { Category, Channel, Channels, ChatToken, Dashboard, Session, User } from "./types";

const at = encodeURIComponent;

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

  dashboard: (signal?: AbortSignal) => request<Dashboard>("GET", "/api/dashboard", undefined, signal),
  saveDashboard: (change: { title?: string; categoryId?: string }) => request<Dashboard>("PATCH", "/api/dashboard", change),
  revealStreamKey: () => request<{ value: string }>("POST", "/api/dashboard/stream-key/reveal", {}),
  resetStreamKey: () => request<{ masked: string }>("POST", "/api/dashboard/stream-key/reset", {}),
};
