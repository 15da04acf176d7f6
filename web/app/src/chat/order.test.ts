import { expect, it } from "vitest";
import { type Order, blankOrder, hear, learned, refused, troubleWords, wrote } from "./order";

const name = (id: string) => id.toUpperCase();
const tell = (event: string, attributes: Record<string, string>, now: Order = blankOrder) =>
  hear(now, `streamcat:${event}`, attributes, "me", name, 1000);

it("takes what the server says", () => {
  const pinned = { messageId: "m", content: "hi", userId: "u", name: "u" };
  const available = { slowMode: true, followersOnly: false, noGuests: true };
  const order = learned(blankOrder, {
    slowMode: 5,
    followersOnly: false,
    noGuests: true,
    available,
    pinned,
    role: "moderator",
  });
  expect(order).toMatchObject({
    role: "moderator",
    pinned,
    modes: { slowMode: 5, followersOnly: false, noGuests: true },
  });
});

it("tells of bans, and whose lines go", () => {
  expect(tell("BAN_USER", { UserId: "okko" })![1]).toEqual({ vanished: "okko", note: "OKKO was banned" });
  expect(tell("BAN_USER", { UserId: "okko", Seconds: "86400" })![1].note).toBe("OKKO was banned for 1 day");
  expect(tell("BAN_USER", { UserId: "me", Reason: "rude" })![0].ban).toEqual({ reason: "rude", seconds: 0 });
});

it("knows how long one is timed out, by the event's length and not by clocks", () => {
  const [out, said] = tell("TIME_OUT_USER", { UserId: "me", Seconds: "600", Until: "2001-01-01T00:00:00Z" })!;
  expect(out.timedOutUntil).toBe(601_000);
  expect(said.note).toBe("You were timed out for 10 minutes");
  expect(tell("END_TIME_OUT", { UserId: "me" }, out)![0].timedOutUntil).toBe(0);
  expect(tell("END_TIME_OUT", { UserId: "okko" }, out)![0].timedOutUntil).toBe(601_000);
});

it("says which modes changed, and nothing where none did", () => {
  const modes = { SlowMode: "5", FollowersOnly: "false", NoGuests: "true" };
  const [order, said] = tell("CHAT_MODES", modes)!;
  expect(said.note).toBe("Slow mode: one message every 5 s · Guests may only read now");
  expect(tell("CHAT_MODES", modes, order)![1]).toEqual({});
  const free = { SlowMode: "0", FollowersOnly: "true", NoGuests: "false" };
  expect(tell("CHAT_MODES", free, order)![1].note).toBe(
    "Slow mode is off · Only followers may write now · Guests may write again",
  );
});

it("shows a pinned message, and asks for one that the event is too short for", () => {
  const all = { MessageId: "m", Content: "hi", UserId: "u", "Sender.displayName": "Uma" };
  expect(tell("PIN_MESSAGE", all)![0].pinned).toEqual({ messageId: "m", content: "hi", userId: "u", name: "Uma" });
  expect(tell("PIN_MESSAGE", { MessageId: "m", UserId: "u" })).toEqual([blankOrder, { ask: true }]);
  expect(tell("UNPIN_MESSAGE", {}, tell("PIN_MESSAGE", all)![0])![0].pinned).toBeUndefined();
});

it("leaves other events alone", () => expect(tell("SOMETHING", {})).toBeUndefined());

it("lets slow mode hold up who wrote, but nobody who keeps order", () => {
  const slow = { ...blankOrder, modes: { slowMode: 5, followersOnly: false, noGuests: false } };
  expect(wrote(slow, 1000).nextAt).toBe(6000);
  expect(wrote({ ...slow, role: "moderator" }, 1000).nextAt).toBe(0);
  expect(wrote(blankOrder, 1000).nextAt).toBe(0);
});

it("learns from refusals how long to wait", () => {
  expect(refused(blankOrder, "you are timed out for another 581 seconds", 1000).timedOutUntil).toBe(582_000);
  const slow = "slow mode is on: one message in 5 seconds; please wait another 3 seconds";
  expect(refused(blankOrder, slow, 1000).nextAt).toBe(4000);
  expect(refused(blankOrder, "no", 1000)).toBe(blankOrder);
});

it.each([
  [403, "you are timed out for another 5 seconds", "You are timed out."],
  [403, "only followers may write in this room now", "Only followers may write here now."],
  [403, "guests may not write in this room now", "Guests may only read here now."],
  [403, "no capability", "You may not do this here."],
  [429, "slow mode is on: one message in 5 seconds; please wait another 3 seconds", "Slow mode is on. Wait a moment."],
  [406, "Links are not allowed here.", "Links are not allowed here."],
])("says %i “%s” in its own words", (code, message, words) => expect(troubleWords(code, message)).toBe(words));
