import type { ChatDeed } from "../../api/types";
import { span } from "../../chat/order";
import { clock } from "../../ui/format";

/** How long a ban or time-out lasts from now. */
export function untilWords(until: string | null, now: number): string {
  if (until === null) return "for good";
  const left = Date.parse(until) - now;
  return left < 3_600_000 ? `for another ${clock(Math.max(0, left))}` : `for another ${span(Math.round(left / 1000))}`;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What was done, after the name of who did it. */
export function deedWords({ action, target, detail, at }: ChatDeed): { did: string; about: string } {
  const who = target?.name ?? "somebody";
  const length = detail["until"] ? ` for ${span(Math.round((Date.parse(text(detail["until"])) - Date.parse(at)) / 1000))}` : "";
  switch (action) {
    case "ban":
      return { did: `banned ${who}${length}`, about: text(detail["reason"]) };
    case "unban":
      return { did: `lifted the ban of ${who}`, about: "" };
    case "time-out":
      return { did: `timed out ${who}${length}`, about: text(detail["reason"]) };
    case "end-time-out":
      return { did: `lifted the time-out of ${who}`, about: "" };
    case "pin":
      return { did: `pinned ${who}’s message`, about: text(detail["content"]) };
    case "unpin":
      return { did: `unpinned ${who}’s message`, about: text(detail["content"]) };
    case "delete":
      return { did: target?.name ? `deleted ${who}’s message` : "deleted a message", about: text(detail["content"]) };
    case "add-moderator":
      return { did: `made ${who} a moderator`, about: "" };
    case "remove-moderator":
      return { did: `took ${who} from the moderators`, about: "" };
    case "modes":
      return { did: "changed who may write", about: modesWords(detail["before"], detail["after"]) };
    default:
      return { did: action, about: "" };
  }
}

function modesWords(before: unknown, after: unknown): string {
  const was = (before ?? {}) as Record<string, unknown>;
  const is = (after ?? {}) as Record<string, unknown>;
  const words: string[] = [];
  if (was["slowMode"] !== is["slowMode"])
    words.push(is["slowMode"] ? `slow mode ${span(Number(is["slowMode"]), true)}` : "slow mode off");
  if (was["noGuests"] !== is["noGuests"]) words.push(is["noGuests"] ? "guests only read" : "guests may write");
  if (was["followersOnly"] !== is["followersOnly"]) words.push(is["followersOnly"] ? "followers only" : "not only followers");
  return words.join(", ");
}
