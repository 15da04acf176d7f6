import { afterEach, describe, expect, it } from "vitest";
import { ApiError } from "../api/client";
import type { Invitation } from "../api/types";
import { type Invite, closedBy, endsIn, joinPath, kept, listed, readInvite, stateNow, withInvitation } from "./invitation";

const now = Date.parse("2026-11-23T10:00:00Z");
const at = (seconds: number) => new Date(now + seconds * 1000).toISOString();
const event = { userId: "okko", invitation: "i1", channel: "patchbay", host: "Patchbay", expiresAt: at(600) };

describe("the chat's invitation", () => {
  it("is for the one invited alone, and for nobody after its end", () => {
    expect(readInvite("StreamCat:MultihostInvite", event, "okko", now)).toEqual({
      id: "i1",
      host: "Patchbay",
      channel: "patchbay",
      userId: "okko",
      expiresAt: now + 600_000,
    });
    expect(readInvite("StreamCat:MultihostInvite", event, "sable", now)).toBeUndefined();
    expect(readInvite("StreamCat:MultihostInvite", event, undefined, now)).toBeUndefined();
    expect(readInvite("StreamCat:MultihostInvite", event, "okko", now + 600_000)).toBeUndefined();
    expect(readInvite("StreamCat:RealTimeUpdate", event, "okko", now)).toBeUndefined();
  });

  it.each(["invitation", "channel", "expiresAt"])("counts for nothing without its %s", (name) => {
    expect(readInvite("StreamCat:MultihostInvite", { ...event, [name]: "" }, "okko", now)).toBeUndefined();
  });

  it("leads to the page that takes it", () => {
    expect(joinPath({ channel: "soup at six", id: "a/b&c" })).toBe("/c/soup%20at%20six/join?invitation=a%2Fb%26c");
  });
});

describe("what a tab keeps", () => {
  afterEach(() => sessionStorage.clear());
  const invite: Invite = { id: "i1", host: "p", channel: "Patchbay", userId: "okko", expiresAt: now + 1000 };

  it("is there after a reload, and not after its end", () => {
    kept.write("Patchbay", invite);
    expect(kept.read("patchbay", now)).toEqual(invite);
    expect(kept.read("patchbay", now + 1000)).toBeUndefined();
    expect(kept.read("other", now)).toBeUndefined();
    kept.write("patchbay", undefined);
    expect(kept.read("patchbay", now)).toBeUndefined();
  });

  it("may be broken", () => {
    sessionStorage.setItem("invitation:patchbay", "{");
    expect(kept.read("patchbay", now)).toBeUndefined();
  });
});

const invitation = (id: string, change: Partial<Invitation> = {}): Invitation => ({
  id,
  userId: id,
  name: id,
  guest: false,
  state: "waiting",
  createdAt: at(-60),
  expiresAt: at(600),
  participantId: `p-${id}`,
  ...change,
});
const none = new Set<string>();

describe("the host's list", () => {
  it.each<[string, Partial<Invitation>, ReadonlySet<string>, string]>([
    ["waits", {}, none, "waiting"],
    ["waits again for who was here and went", { state: "joined" }, none, "waiting"],
    ["is fulfilled while they are on the stage", {}, new Set(["p-a"]), "joined"],
    ["ends by the clock, before the server says so", { expiresAt: at(0) }, none, "expired"],
    ["holds for who is on the stage although its time is over", { expiresAt: at(-1) }, new Set(["p-a"]), "joined"],
    ["stays removed, even while they are on their way out", { state: "removed" }, new Set(["p-a"]), "removed"],
    ["stays withdrawn", { state: "withdrawn" }, none, "withdrawn"],
  ])("%s", (_, change, stage, state) => expect(stateNow(invitation("a", change), stage, now)).toBe(state));

  it("shows open ones first, newest first, and neither those who are here nor what was withdrawn", () => {
    const all = [
      invitation("late", { expiresAt: at(-5), createdAt: at(-10) }),
      invitation("old", { createdAt: at(-90) }),
      invitation("new", { createdAt: at(-30) }),
      invitation("here"),
      invitation("back", { state: "withdrawn" }),
    ];
    expect(listed(all, new Set(["p-here"]), now).map((i) => `${i.id} ${i.state}`)).toEqual([
      "new waiting",
      "old waiting",
      "late expired",
    ]);
  });

  it("takes a second invitation of the same person in the place of the open one", () => {
    const before = [invitation("a1", { userId: "a" }), invitation("a0", { userId: "a", state: "removed" }), invitation("b")];
    expect(withInvitation(before, invitation("a2", { userId: "a" })).map((i) => i.id)).toEqual(["a2", "a0", "b"]);
    expect(withInvitation(before, invitation("a1", { userId: "a" })).map((i) => i.id)).toEqual(["a1", "a0", "b"]);
  });
});

it.each([
  [-1, "Ends in 0 s"],
  [41_000, "Ends in 41 s"],
  [60_000, "Ends in 1 min"],
  [150_000, "Ends in 3 min"],
  [12 * 3_600_000, "Ends in 12 h"],
])("%i ms before the end: %s", (left, words) => expect(endsIn(now + left, now)).toBe(words));

it.each<[number, string, string | undefined]>([
  [403, "not-yours", "not-yours"],
  [403, "", "not-yours"],
  [410, "expired", "expired"],
  [410, "removed", "removed"],
  [410, "withdrawn", "withdrawn"],
  [404, "", "missing"],
  [503, "", undefined],
  [0, "", undefined],
])("a refusal %i %s closes it as %s", (status, code, closed) =>
  expect(closedBy(new ApiError(status, "x", {}, undefined, code))).toBe(closed),
);
