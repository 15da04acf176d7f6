import { randomUUID } from "node:crypto";
import type { Invitation } from "../src/api/types";
import { type Answer, type Call, no, ok } from "./mock-api.ts";
import { tellRoom } from "./mock-chat.ts";
import type { MockSeat } from "./mock-stage.ts";
import { change, channels, invitations } from "./mock-state.ts";

const soon = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

/** How many are on every stage, oneself included: the cookie says it. */
const crowd = (call: Call) => Number(call.cookies["mock-stage"] ?? 4);

function seat(me: MockSeat["me"], host: string, call: Call) {
  const token: MockSeat = { me, host: { userId: host, name: host }, count: crowd(call) };
  return {
    token: `mock.${Buffer.from(JSON.stringify(token)).toString("base64")}`,
    participantId: me.id,
    expirationTime: soon(720),
    userId: me.userId,
    username: me.name,
    stageId: `stage-${host}`,
    host,
  };
}

function invited(host: string): Invitation[] {
  const list = invitations.get(host);
  if (list) return list;
  const base = { guest: false, createdAt: soon(-12) };
  const made: Invitation[] = [
    {
      ...base,
      id: "i-piet",
      userId: "piet_maas",
      name: "piet_maas",
      state: "waiting",
      expiresAt: soon(2.6),
      participantId: "p-piet",
    },
    { ...base, id: "i-late", userId: "lars", name: "lars", state: "expired", expiresAt: soon(-2), participantId: "p-late" },
  ];
  invitations.set(host, made);
  return made;
}

/** The host's side. */
export function studio(what: string, me: string, call: Call): Answer {
  const card = channels.get(me)!;
  const list = invited(me);
  const withdraw = /^DELETE \/api\/studio\/invitations\/(.+)$/.exec(what);
  if (withdraw) {
    const one = list.find((i) => i.id === decodeURIComponent(withdraw[1]!));
    if (!one) return no(404, "there is no such invitation");
    one.state = "withdrawn";
    return { status: 204 };
  }
  switch (what) {
    case "GET /api/studio":
      return ok({
        username: me,
        stageId: `stage-${me}`,
        realTime: { isLive: card.realTime, since: card.realTimeSince },
        whip: { endpoint: "mock:whip" },
        invitations: list,
      });
    case "POST /api/studio/token":
      return ok(seat({ id: `p-${me}`, userId: me, name: me, role: "host" }, me, call));
    case "POST /api/studio/invitations": {
      const userId = String(call.body["userId"]);
      const one: Invitation = {
        id: randomUUID(),
        userId,
        name: String(call.body["name"]),
        guest: userId.startsWith("guest-"),
        state: "waiting",
        createdAt: new Date().toISOString(),
        expiresAt: soon(10),
        participantId: `mock-${userId}`,
      };
      invitations.set(me, [one, ...list]);
      const attributes = { userId, invitation: one.id, channel: me, host: me, expiresAt: one.expiresAt };
      tellRoom(me, "StreamCat:MultihostInvite", attributes);
      return { status: 201, body: one };
    }
    case "POST /api/studio/remove": {
      const one = list.find((i) => i.participantId === call.body["participantId"]);
      if (one) one.state = "removed";
      return { status: 204 };
    }
    case "POST /api/studio/real-time": {
      const isLive = call.body["isLive"] === true;
      if (isLive && call.cookies["mock-refuse"] === "1") return no(409, "you are not on the stage", undefined, "not-on-stage");
      const since = isLive ? new Date().toISOString() : null;
      change(me, { realTime: isLive, realTimeSince: since });
      tellRoom(me, "StreamCat:RealTimeUpdate", { isLive: String(isLive), channel: me });
      return ok({ isLive, since });
    }
  }
  return no(404, "nothing here");
}

/** Somebody who watches in real time. */
export function watchSeat(host: string, call: Call): Answer {
  const card = channels.get(host.toLowerCase());
  if (!card) return no(404, "there is no channel of that name");
  if (!card.realTime) return no(409, "this stage is not live in real time", undefined, "not-real-time");
  const me = call.me ?? "guest-4412";
  return ok(seat({ id: `w-${me}`, userId: me, name: me, role: "viewer" }, card.username, call));
}

/** Somebody with an invitation; `i-expired`, `i-removed`, `i-withdrawn` and `i-other` lead where their names say. */
export function joinSeat(host: string, call: Call): Answer {
  const id = String(call.body["invitation"]);
  const me = call.me ?? "guest-4412";
  for (const state of ["expired", "removed", "withdrawn"])
    if (id === `i-${state}`) return no(410, `this invitation is ${state}`, undefined, state);
  if (id === "i-other") return no(403, "this invitation is for somebody else", undefined, "not-yours");
  const one = invited(host.toLowerCase()).find((i) => i.id === id);
  if (!one && id !== "i-open") return no(404, "there is no such invitation");
  if (one && one.state !== "waiting") return no(410, `this invitation is ${one.state}`, undefined, one.state);
  return ok(seat({ id: `mock-${me}`, userId: me, name: me, role: "guest" }, host, call));
}
