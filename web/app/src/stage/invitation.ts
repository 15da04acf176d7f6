import type { ApiError } from "../api/client";
import type { Invitation, InvitationState } from "../api/types";

/** An invitation as the chat told the one invited. */
export interface Invite {
  id: string;
  host: string;
  channel: string;
  userId: string;
  expiresAt: number;
}

export const INVITE_EVENT = "StreamCat:MultihostInvite";

/** Reads the chat's event; undefined when it is none, is broken, is for somebody else or is over. */
export function readInvite(
  name: string,
  attributes: Readonly<Record<string, string>>,
  me: string | undefined,
  now: number,
): Invite | undefined {
  if (name !== INVITE_EVENT || me === undefined || attributes["userId"] !== me) return undefined;
  const { invitation, channel, host } = attributes;
  const expiresAt = Date.parse(attributes["expiresAt"] ?? "");
  if (!invitation || !channel || Number.isNaN(expiresAt) || expiresAt <= now) return undefined;
  return { id: invitation, channel, host: host || channel, userId: me, expiresAt };
}

export const joinPath = (invite: Pick<Invite, "channel" | "id">): string =>
  `/c/${encodeURIComponent(invite.channel)}/join?invitation=${encodeURIComponent(invite.id)}`;

/** Where one finds out whether one could join; it leads back to where one came from. */
export const checkPath = (next: string, channel?: string): string =>
  `/check?${new URLSearchParams({ ...(channel ? { channel } : {}), next }).toString()}`;

const KEY = "invitation:";

/** The invitation of this tab for one channel: a reload does not lose it. */
export const kept = {
  read(channel: string, now: number): Invite | undefined {
    try {
      const found = JSON.parse(sessionStorage.getItem(KEY + channel.toLowerCase()) ?? "null") as Invite | null;
      return found && typeof found.id === "string" && found.expiresAt > now ? found : undefined;
    } catch {
      return undefined;
    }
  },
  write(channel: string, invite: Invite | undefined): void {
    try {
      if (invite) sessionStorage.setItem(KEY + channel.toLowerCase(), JSON.stringify(invite));
      else sessionStorage.removeItem(KEY + channel.toLowerCase());
    } catch {
      // Without storage it lasts as long as the page.
    }
  },
};

/** The state of an invitation now: the clock may be ahead of what the server last told. */
export function stateNow(invitation: Invitation, onStage: ReadonlySet<string>, now: number): InvitationState {
  if (invitation.state === "removed" || invitation.state === "withdrawn") return invitation.state;
  if (onStage.has(invitation.participantId)) return "joined";
  if (invitation.state === "expired" || Date.parse(invitation.expiresAt) <= now) return "expired";
  return "waiting"; // also for whoever was here and went: the way back is open
}

/** "Ends in 3 min"; whole minutes rounded up, seconds in the last one. */
export function endsIn(expiresAt: number, now: number): string {
  const left = Math.max(0, expiresAt - now);
  if (left < 60_000) return `Ends in ${Math.ceil(left / 1000)} s`;
  const minutes = Math.ceil(left / 60_000);
  return minutes < 90 ? `Ends in ${minutes} min` : `Ends in ${Math.round(minutes / 60)} h`;
}

export interface Listed extends Invitation {
  /** They were here once. */
  came: boolean;
}

/**
 * The list beside the stage: open invitations first, then what became of others, newest first. Who is on the
 * stage stands among the people there and not here.
 */
export function listed(invitations: readonly Invitation[], onStage: ReadonlySet<string>, now: number): Listed[] {
  const shown = invitations
    .map((i) => ({ ...i, state: stateNow(i, onStage, now), came: i.state === "joined" }))
    .filter((i) => i.state !== "joined" && i.state !== "withdrawn");
  const rank = (i: Invitation) => (i.state === "waiting" ? 0 : 1);
  return shown.sort((a, b) => rank(a) - rank(b) || b.createdAt.localeCompare(a.createdAt));
}

/** The newest word about one invitation in the list. */
export function withInvitation(list: readonly Invitation[], one: Invitation): Invitation[] {
  return [one, ...list.filter((i) => i.id !== one.id && !(i.userId === one.userId && i.state === "waiting"))];
}

/** Why an invitation leads nowhere (any more). */
export type Closed = "expired" | "removed" | "withdrawn" | "not-yours" | "missing" | "deleted" | "elsewhere";

/** What a refusal of `join` means; undefined when it says nothing about the invitation. */
export function closedBy(error: ApiError): Closed | undefined {
  const { code, status } = error;
  if (code === "expired" || code === "removed" || code === "withdrawn" || code === "not-yours") return code;
  if (status === 403) return "not-yours";
  if (status === 404) return "missing";
  if (status === 410) return "expired";
  return undefined;
}
