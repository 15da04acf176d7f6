import { type Answer, type Call, no, ok } from "./mock-api.ts";
import { disconnect, tellRoom } from "./mock-chat.ts";
import { users } from "./mock-state.ts";

interface Penalty {
  userId: string;
  name: string;
  reason: string;
  madeAt: string;
  until: string | null;
}

interface Deed {
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

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const penalty = (name: string, reason: string, minutes: number, left: number): Penalty => ({
  userId: name,
  name,
  reason,
  madeAt: ago(minutes),
  until: left ? ago(-left) : null,
});
const page = 20;
let next = 0;

/** The order of one channel's chat. */
class Order {
  modes = { slowMode: 0, followersOnly: false, noGuests: false };
  pinned: object | null = null;
  moderators = [
    { userId: "tomas.l", username: "tomas.l", addedAt: ago(90_000) },
    { userId: "kilnlight", username: "kilnlight", addedAt: ago(3000) },
  ];
  rules = { blockedWords: ["followers*", "pxl-boost"], links: "allow", repetition: true, capitals: false, crowds: true };
  lists: Record<"bans" | "time-outs", Penalty[]> = {
    bans: [
      penalty("discount_pixels", "Advertises the same shop again and again", 12, 0),
      penalty("guest-9917", "", 1900, 0),
      penalty("mothlamp", "Insulted a guest on stage", 4000, 9000),
      ...Array.from({ length: 22 }, (_, n) => penalty(`bot-${4100 + n * 7}`, "Spam", 20_000 + n, 0)),
    ],
    "time-outs": [penalty("okko", "Capitals", 3, 7.4)],
  };
  log: Deed[] = [];

  constructor() {
    this.note("tomas.l", "time-out", "okko", { reason: "Capitals", until: ago(-7.4) }, true, 3);
    this.note(
      "patchbay",
      "ban",
      "discount_pixels",
      { reason: "Advertises the same shop again and again", until: null },
      true,
      12,
    );
    this.note("tomas.l", "delete", "discount_pixels", { content: "cheap followers at pxl-boost, first 100 free!!" }, false, 13);
    this.note("patchbay", "pin", "patchbay", { content: "Tonight’s samples land under Broadcasts." }, true, 70);
    const off = { slowMode: 0, followersOnly: false, noGuests: false };
    this.note("patchbay", "modes", "", { before: off, after: { ...off, slowMode: 5 } }, true, 95);
    this.log.at(-1)!.undoneAt = ago(80);
    this.log.at(-1)!.undoneBy = "tomas.l";
    this.log.at(-1)!.canUndo = false;
    this.note("patchbay", "add-moderator", "kilnlight", {}, false, 3000);
    this.log.sort((a, b) => b.at.localeCompare(a.at));
  }

  note(actor: string, action: string, target: string, detail: Record<string, unknown>, canUndo: boolean, minutes = 0): void {
    this.log.unshift({
      id: `d${next++}`,
      at: ago(minutes),
      actor,
      action,
      target: target ? { userId: target, name: target } : null,
      detail,
      undoneAt: null,
      canUndo,
    });
    if (minutes === 0) return;
    this.log.push(this.log.shift()!);
  }
}

const orders = new Map<string, Order>();
export const orderOf = (channel: string): Order => {
  const known = orders.get(channel) ?? new Order();
  orders.set(channel, known);
  return known;
};

export function roleIn(channel: string, me: string | undefined): "owner" | "moderator" | "viewer" | "guest" {
  if (!me) return "guest";
  if (me === channel) return "owner";
  return orderOf(channel).moderators.some((m) => m.userId === me) ? "moderator" : "viewer";
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The routes of a chat's order: `rest` is what follows /api/channels/{channel}/chat. */
export function keepOrder(method: string, channel: string, rest: string, call: Call): Answer {
  const { me, body, cookies, url } = call;
  const order = orderOf(channel);
  const how = cookies["mock-order"] ?? "";
  const role = roleIn(channel, me);
  if (method === "GET" && rest === "") {
    const shown = {
      messageId: "pinned",
      userId: channel,
      name: channel,
      content: "Tonight’s samples land under Broadcasts. Free for anything.",
    };
    return ok({
      ...order.modes,
      ...(how === "slow" ? { slowMode: 5 } : how === "guests" ? { noGuests: true } : {}),
      available: { slowMode: how !== "bare", followersOnly: false, noGuests: true },
      pinned: order.pinned ?? (how === "pinned" ? shown : null),
      role,
    });
  }
  if (!me) return no(401, "please sign in");
  if (role !== "owner" && role !== "moderator") return no(403, "only the channel's owner and moderators may do this");
  if (how === "broken") return no(500, "the server could not do this");
  const [, what = "", id = "", undo = ""] = rest.split("/").map(decodeURIComponent);
  const empty = how === "empty";
  switch (`${method} ${what}`) {
    case "PATCH modes": {
      const before = { ...order.modes };
      Object.assign(order.modes, body);
      order.note(me, "modes", "", { before, after: { ...order.modes } }, true);
      tellRoom(channel, "streamcat:CHAT_MODES", {
        SlowMode: String(order.modes.slowMode),
        FollowersOnly: String(order.modes.followersOnly),
        NoGuests: String(order.modes.noGuests),
      });
      return ok(order.modes);
    }
    case "PUT pinned": {
      order.pinned = { ...body, by: me, pinnedAt: ago(0) };
      order.note(me, "pin", text(body["name"]), { content: body["content"] }, true);
      const about = { MessageId: text(body["messageId"]), Content: text(body["content"]), UserId: text(body["userId"]) };
      tellRoom(channel, "streamcat:PIN_MESSAGE", { ...about, "Sender.displayName": text(body["name"]) });
      return ok(order.pinned);
    }
    case "DELETE pinned":
      order.pinned = null;
      tellRoom(channel, "streamcat:UNPIN_MESSAGE", {});
      return { status: 204 };
    case "POST delete":
      order.note(me, "delete", text(body["name"]), { content: body["content"] }, false);
      tellRoom(channel, "aws:DELETE_MESSAGE", { MessageID: text(body["messageId"]) });
      return { status: 204 };
    case "GET bans":
    case "GET time-outs": {
      const from = Number(url.searchParams.get("after") ?? 0);
      const all = empty ? [] : order.lists[what as "bans"];
      const more = from + page < all.length ? String(from + page) : "";
      return ok({ [what === "bans" ? "bans" : "timeOuts"]: all.slice(from, from + page), next: more });
    }
    case "POST bans":
    case "POST time-outs": {
      if (how === "refuses") return no(403, "the channel's owner did this: only they can change it");
      const seconds = Number(body["seconds"]);
      const done = penalty(text(body["userId"]), text(body["reason"]), 0, seconds / 60);
      order.lists[what as "bans"].unshift(done);
      const ban = what === "bans";
      order.note(me, ban ? "ban" : "time-out", done.name, { reason: done.reason, until: done.until }, true);
      tellRoom(channel, ban ? "streamcat:BAN_USER" : "streamcat:TIME_OUT_USER", {
        UserId: done.userId,
        Reason: done.reason,
        Until: done.until ?? "",
        ...(seconds ? { Seconds: String(seconds) } : {}),
      });
      if (ban) disconnect(channel, done.userId, done.reason);
      return { status: 201, body: done };
    }
    case "DELETE bans":
    case "DELETE time-outs": {
      const kind = what as "bans";
      order.lists[kind] = order.lists[kind].filter((p) => p.userId !== id);
      order.note(me, kind === "bans" ? "unban" : "end-time-out", id, {}, false);
      return { status: 204 };
    }
    case "GET moderators":
      return ok({ moderators: empty ? [] : order.moderators });
    case "PUT moderators": {
      if (role !== "owner") return no(403, "only the channel's owner may do this");
      if (!users.has(id.toLowerCase())) return no(404, "there is nobody of that name");
      const made = { userId: id, username: id, addedAt: ago(0) };
      order.moderators = [made, ...order.moderators.filter((m) => m.userId !== id)];
      order.note(me, "add-moderator", id, {}, false);
      return ok(made);
    }
    case "DELETE moderators":
      order.moderators = order.moderators.filter((m) => m.username !== id);
      order.note(me, "remove-moderator", id, {}, false);
      return { status: 204 };
    case "GET log":
      return ok({ entries: empty ? [] : order.log, next: "" });
    case "POST log": {
      const deed = undo ? order.log.find((d) => d.id === id) : undefined;
      if (!deed?.canUndo) return no(409, "this has changed since and cannot be taken back", undefined, "changed-since");
      Object.assign(deed, { canUndo: false, undoneAt: ago(0), undoneBy: me });
      return { status: 204 };
    }
  }
  return no(404, "nothing here");
}

export function rules(method: string, channel: string, { me, body }: Call): Answer {
  if (!me) return no(401, "please sign in");
  if (me !== channel) return no(403, "only who owns a channel may look after its chat");
  const order = orderOf(channel);
  if (method === "PUT") {
    const words = body["blockedWords"] as string[];
    if (words.some((w) => !/[\p{L}\p{N}]/u.test(w)))
      return no(400, "please check the marked fields", {
        blockedWords: "each must have letters or digits, and at most 64 characters",
      });
    Object.assign(order.rules, body);
  }
  return ok(order.rules);
}
