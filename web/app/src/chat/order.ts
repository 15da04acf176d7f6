import type { ChatModes, ChatRole, ChatState, PinnedMessage } from "../api/types";
import { plural } from "../ui/format";

/** How a chat is kept in order, as far as it concerns who reads along. */
export interface Order {
  /** Undefined until the app's server has said; it may know nothing of order. */
  role: ChatRole | undefined;
  modes: ChatModes;
  pinned: PinnedMessage | undefined;
  /** Until when one may not write (milliseconds since 1970); 0: one may. */
  timedOutUntil: number;
  /** When slow mode lets one write again. */
  nextAt: number;
  /** One's own ban, while it is known. */
  ban: { reason: string; seconds: number } | undefined;
}

/** What an event of moderation means to the lines. */
export interface Heard {
  note?: string;
  /** Whose lines go. */
  vanished?: string;
  /** The event does not say all: the server should be asked. */
  ask?: boolean;
}

const free: ChatModes = { slowMode: 0, followersOnly: false, noGuests: false };

export const blankOrder: Order = {
  role: undefined,
  modes: free,
  pinned: undefined,
  timedOutUntil: 0,
  nextAt: 0,
  ban: undefined,
};

export const moderates = (role: ChatRole | undefined): boolean => role === "owner" || role === "moderator";

/** The order as the server tells it; what only events tell stays. */
export function learned(now: Order, { role, pinned, slowMode, followersOnly, noGuests }: ChatState): Order {
  return { ...now, role, pinned: pinned ?? undefined, modes: { slowMode, followersOnly, noGuests } };
}

/** After one's own message went out: slow mode begins to count. */
export function wrote(now: Order, at: number): Order {
  return now.modes.slowMode > 0 && !moderates(now.role) ? { ...now, nextAt: at + now.modes.slowMode * 1000 } : now;
}

/** Hears an event; undefined if it is none of moderation. `name` gives people's names. */
export function hear(
  now: Order,
  event: string,
  a: Readonly<Record<string, string>>,
  me: string | undefined,
  name: (userId: string) => string,
  at: number,
): [Order, Heard] | undefined {
  const userId = a["UserId"] ?? "";
  const own = userId !== "" && userId === me;
  const seconds = Number(a["Seconds"]) || 0;
  switch (event) {
    case "streamcat:BAN_USER":
      if (own) return [{ ...now, ban: { reason: a["Reason"] ?? "", seconds } }, {}];
      return [now, { vanished: userId, note: `${name(userId)} was banned${seconds ? ` for ${span(seconds)}` : ""}` }];
    case "streamcat:UNBAN_USER":
      return [own ? { ...now, ban: undefined } : now, {}];
    case "streamcat:TIME_OUT_USER":
      if (own) return [{ ...now, timedOutUntil: at + seconds * 1000 }, { note: `You were timed out for ${span(seconds)}` }];
      return [now, { note: `${name(userId)} was timed out for ${span(seconds)}` }];
    case "streamcat:END_TIME_OUT":
      return own ? [{ ...now, timedOutUntil: 0 }, { note: "Your time-out was lifted" }] : [now, {}];
    case "streamcat:CHAT_MODES": {
      const modes = {
        slowMode: Number(a["SlowMode"]) || 0,
        followersOnly: a["FollowersOnly"] === "true",
        noGuests: a["NoGuests"] === "true",
      };
      const next = { ...now, modes, ...(modes.slowMode === 0 ? { nextAt: 0 } : {}) };
      const note = changeWords(now.modes, modes);
      return [next, note ? { note } : {}];
    }
    case "streamcat:PIN_MESSAGE": {
      const content = a["Content"] ?? "";
      if (content === "") return [now, { ask: true }];
      const pinned = {
        messageId: a["MessageId"] ?? "",
        content,
        userId,
        name: a["Sender.displayName"] ?? a["Sender.username"] ?? name(userId),
      };
      return [{ ...now, pinned }, {}];
    }
    case "streamcat:UNPIN_MESSAGE":
      return [{ ...now, pinned: undefined }, {}];
  }
  return undefined;
}

/** What a refusal tells of time: it is right even where an event was missed. */
export function refused(now: Order, message: string, at: number): Order {
  const out = /timed out for another (\d+) second/.exec(message);
  if (out) return { ...now, timedOutUntil: at + Number(out[1]) * 1000 };
  const slow = /slow mode.*another (\d+) second/.exec(message);
  if (slow) return { ...now, nextAt: at + Number(slow[1]) * 1000 };
  return now;
}

/** Why something failed, in words for who did it. */
export function troubleWords(code: number, message: string): string {
  switch (code) {
    case 401:
      return "Your chat session ended. Try again.";
    case 403:
      if (/timed out/.test(message)) return "You are timed out.";
      if (/followers/.test(message)) return "Only followers may write here now.";
      if (/guests/.test(message)) return "Guests may only read here now.";
      return /banned/.test(message) ? "You are banned from this chat." : "You may not do this here.";
    case 404:
      return "This chat room is gone.";
    case 406:
      return message && !/rejected/i.test(message) ? message : "This channel’s rules did not let it through.";
    case 413:
      return "It is too long.";
    case 429:
      return /slow mode/.test(message) ? "Slow mode is on. Wait a moment." : "Too fast. Wait a second, then try again.";
    default:
      return "Chat could not do this. Try again.";
  }
}

function changeWords(before: ChatModes, after: ChatModes): string {
  const words: string[] = [];
  if (before.slowMode !== after.slowMode)
    words.push(after.slowMode ? `Slow mode: one message every ${span(after.slowMode, true)}` : "Slow mode is off");
  if (before.followersOnly !== after.followersOnly)
    words.push(after.followersOnly ? "Only followers may write now" : "Not only followers may write again");
  if (before.noGuests !== after.noGuests) words.push(after.noGuests ? "Guests may only read now" : "Guests may write again");
  return words.join(" · ");
}

/** A length of time in its largest whole unit: 10 minutes, 1 day; short: 5 s, 2 min. */
export function span(seconds: number, short = false): string {
  if (short) return seconds % 60 === 0 && seconds > 0 ? `${seconds / 60} min` : `${seconds} s`;
  if (seconds < 60) return plural(seconds, "second");
  if (seconds < 3600) return plural(Math.round(seconds / 60), "minute");
  if (seconds < 86_400) return plural(Math.round(seconds / 3600), "hour");
  return plural(Math.round(seconds / 86_400), "day");
}
