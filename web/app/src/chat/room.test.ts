import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ChatState } from "../api/types";
import { FakeSocket } from "./fakesocket";
import { ChatRoom } from "./room";

let room: ChatRoom;
let told = 0;
const socket = () => FakeSocket.all.at(-1)!;
const lines = () => room.view().lines;
const request = (n: number) => JSON.parse(socket().sent[n]!) as Record<string, string>;
const batch = () => vi.advanceTimersByTimeAsync(100);

function message(id: string, from: string, text: string, more: object = {}, role = "viewer") {
  return {
    Type: "MESSAGE",
    Id: id,
    SendTime: "2026-11-23T10:00:00.123456789Z",
    Content: text,
    Sender: { UserId: from, Attributes: { username: from, displayName: from, role } },
    ...more,
  };
}

async function enter(capabilities: string[], more: { past?: string; order?: () => Promise<ChatState> } = {}) {
  room?.close();
  room = new ChatRoom({
    ...(more.order ? { order: more.order } : {}),
    token: async () => ({
      token: "t",
      tokenExpirationTime: "",
      sessionExpirationTime: "",
      endpoint: "ws://chat.test/chat",
      userId: "me",
      displayName: "me",
      capabilities,
      past: more.past ?? null,
    }),
  });
  room.subscribe(() => (told += 1));
  room.open();
  await vi.advanceTimersByTimeAsync(0);
  socket().open();
}

beforeEach(async () => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  told = 0;
  await enter(["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"]);
});
afterEach(() => {
  room.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("a chat room", () => {
  it("shows who says what, with the roles the token's maker gave", async () => {
    socket().receive(message("1", "okko", "hello"));
    socket().receive(message("2", "guest-1", "hi", {}, "guest"));
    socket().receive(message("3", "patchbay", "welcome", {}, "owner"));
    await batch();
    expect(lines().map((l) => [l.name, l.text, l.guest, l.host])).toEqual([
      ["okko", "hello", false, false],
      ["guest-1", "hi", true, false],
      ["patchbay", "welcome", false, true],
    ]);
  });

  it("passes the app's own events on, each once, and shows nothing of them", async () => {
    const heard: [string, string | undefined][] = [];
    const stop = room.listen((event) => heard.push([event.name, event.attributes["invitation"]]));
    const invite = { Type: "EVENT", Id: "e1", EventName: "StreamCat:MultihostInvite", Attributes: { invitation: "i1" } };
    socket().receive(invite);
    socket().receive(invite);
    await batch();
    expect(heard).toEqual([["StreamCat:MultihostInvite", "i1"]]);
    expect(lines()).toHaveLength(0);
    stop();
    socket().receive({ ...invite, Id: "e2" });
    expect(heard).toHaveLength(1);
  });

  it("takes a note that nobody else reads", () => {
    room.note("Invited okko to the stage");
    expect(lines().map((l) => [l.kind, l.text])).toEqual([["note", "Invited okko to the stage"]]);
    expect(socket().sent).toHaveLength(0);
  });

  it("sends an answer as one, and shows what others answer", async () => {
    socket().receive(message("1", "okko", "hello"));
    await batch();
    room.send("hi", lines()[0]!.id);
    expect(JSON.parse(socket().sent[0]!)).toMatchObject({ Content: "hi", Attributes: { replyTo: "1" } });
    expect(lines()[1]).toMatchObject({ text: "hi", replyTo: "1", state: "pending" });
    socket().receive(message("2", "lumi", "me too", { Attributes: { replyTo: "1" } }));
    await batch();
    expect(lines()[2]).toMatchObject({ text: "me too", replyTo: "1" });
    room.send("alone");
    expect(JSON.parse(socket().sent[1]!)).not.toHaveProperty("Attributes");
  });

  it("draws a burst in one go", async () => {
    told = 0;
    for (let i = 0; i < 50; i++) socket().receive(message(`m${i}`, "okko", "x"));
    expect(told).toBe(0);
    await batch();
    expect(told).toBe(1);
    expect(lines()).toHaveLength(50);
  });

  it("shows the same message once, however often it is told", async () => {
    socket().receive(message("1", "okko", "hello"));
    socket().receive(message("1", "okko", "hello"));
    await batch();
    expect(lines()).toHaveLength(1);
  });

  it("keeps the newest 250 lines and counts them all", async () => {
    for (let i = 0; i < 300; i++) socket().receive(message(`m${i}`, "okko", String(i)));
    await batch();
    expect(lines()).toHaveLength(250);
    expect(lines()[0]!.text).toBe("50");
    expect(room.view().total).toBe(300);
  });

  it("shows an own message at once and settles it by its request id", async () => {
    room.send("hi");
    expect(lines()[0]).toMatchObject({ text: "hi", state: "pending" });
    socket().receive(message("9", "me", "hi (reviewed)", { RequestId: request(0)["RequestId"] }));
    await batch();
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toMatchObject({ id: "9", text: "hi (reviewed)", state: "sent" });
  });

  it("does not take another person's frame for an answer", async () => {
    room.send("hi");
    socket().receive(message("9", "okko", "mine", { RequestId: request(0)["RequestId"] }));
    await batch();
    expect(lines().map((l) => l.state)).toEqual(["pending", "sent"]);
  });

  it.each([
    [429, "Too fast. Wait a second, then try again."],
    [406, "This channel’s rules did not let it through."],
    [413, "It is too long."],
  ])("says why a message failed (%i)", async (code, words) => {
    room.send("hi");
    socket().receive({ Type: "ERROR", Id: "e", RequestId: request(0)["RequestId"], ErrorCode: code, ErrorMessage: "Rejected" });
    await batch();
    expect(lines()[0]).toMatchObject({ state: "failed", trouble: words });
  });

  it("gives up on a message that nobody answers and on its connection, and sends it again when asked", async () => {
    const dead = socket();
    room.send("hi");
    const first = request(0);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(lines()[0]!.state).toBe("pending");
    await vi.advanceTimersByTimeAsync(1);
    expect(lines()[0]).toMatchObject({ state: "failed", trouble: "No answer came. It may not have arrived." });
    expect(room.view().state.name).toBe("waiting");
    expect(dead.closedWith).toBe(1000);
    await vi.advanceTimersByTimeAsync(500);
    expect(socket()).not.toBe(dead);
    socket().open();
    expect(room.view().state.name).toBe("open");
    room.retry(lines()[0]!.key);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]!.state).toBe("pending");
    expect(request(0)["Content"]).toBe("hi");
    expect(request(0)["RequestId"]).not.toBe(first["RequestId"]);
  });

  it("fails what was under way when the connection breaks", async () => {
    room.send("hi");
    socket().drop();
    expect(room.view().state.name).toBe("waiting");
    expect(lines()[0]!.state).toBe("failed");
    room.dismiss(lines()[0]!.key);
    expect(lines()).toHaveLength(0);
  });

  it("takes the text out of a deleted message", async () => {
    socket().receive(message("1", "okko", "rude"));
    await batch();
    room.deleteMessage(lines()[0]!);
    expect(request(0)).toMatchObject({ Action: "DELETE_MESSAGE", Id: "1" });
    socket().receive({
      Type: "EVENT",
      Id: "e",
      RequestId: request(0)["RequestId"],
      EventName: "aws:DELETE_MESSAGE",
      Attributes: { MessageID: "1" },
    });
    await batch();
    expect(lines()[0]).toMatchObject({ state: "removed", text: "" });
  });

  it("notes who was disconnected, and when that was refused", async () => {
    socket().receive(message("1", "okko", "rude"));
    await batch();
    room.disconnectUser(lines()[0]!);
    expect(request(0)).toMatchObject({ Action: "DISCONNECT_USER", UserId: "okko" });
    socket().receive({ Type: "EVENT", Id: "e", EventName: "aws:DISCONNECT_USER", Attributes: { UserId: "okko", Reason: "" } });
    room.disconnectUser(lines()[0]!);
    socket().receive({ Type: "ERROR", Id: "f", RequestId: request(1)["RequestId"], ErrorCode: 403, ErrorMessage: "" });
    await batch();
    expect(
      lines()
        .slice(1)
        .map((l) => l.text),
    ).toEqual(["okko was disconnected from chat", "Not disconnected: okko. You may not do this here."]);
  });

  it("knows when there is too much to be read aloud", async () => {
    for (let i = 0; i < 10; i++) socket().receive(message(`m${i}`, "okko", "x"));
    await batch();
    expect(room.view().busy).toBe(false);
    socket().receive(message("m10", "okko", "x"));
    await batch();
    expect(room.view().busy).toBe(true);
  });

  it("asks for the past, shows it once, and marks where it ends", async () => {
    await enter(["SEND_MESSAGE"], { past: "2026-11-23T11:00:00Z" });
    expect(socket().url).toBe("ws://chat.test/chat?history=50");
    const heard: string[] = [];
    room.listen((event) => heard.push(event.name));
    const event = { Type: "EVENT", EventName: "StreamCat:RealTimeUpdate", Attributes: {} };
    socket().receive({ ...event, Id: "e1", SendTime: "2026-11-23T10:00:00Z" });
    socket().receive(message("1", "okko", "before"));
    const after = { SendTime: "2026-11-23T11:00:01Z" };
    socket().receive(message("2", "okko", "after", after));
    socket().receive({ ...event, Id: "e2", ...after });
    await batch();
    expect(heard).toHaveLength(1);
    expect(lines().map((l) => [l.kind, l.text])).toEqual([
      ["message", "before"],
      ["mark", "New since you came"],
      ["message", "after"],
    ]);
    socket().drop();
    await vi.advanceTimersByTimeAsync(500);
    expect(socket().url).toBe("ws://chat.test/chat?history=250&after=e2");
    socket().open();
    socket().receive(message("2", "okko", "after", after));
    socket().receive({ ...event, Id: "e3", ...after });
    await batch();
    expect(lines()).toHaveLength(3);
    expect(heard).toHaveLength(2);
  });

  it("finds its own message among what it missed when the connection broke before the receipt", async () => {
    room.send("hi");
    socket().drop();
    expect(lines()[0]!.state).toBe("failed");
    await vi.advanceTimersByTimeAsync(500);
    socket().open();
    socket().receive(message("7", "me", "hi", { RequestId: "" }));
    await batch();
    expect(lines().map((l) => [l.id, l.state])).toEqual([["7", "sent"]]);
  });

  it("lets the lines of a banned user vanish and says so once", async () => {
    socket().receive(message("1", "okko", "rude"));
    socket().receive(message("2", "lumi", "hello"));
    socket().receive({ Type: "EVENT", Id: "e", EventName: "streamcat:BAN_USER", Attributes: { UserId: "okko", Reason: "" } });
    socket().receive({ Type: "EVENT", Id: "f", EventName: "aws:DISCONNECT_USER", Attributes: { UserId: "okko" } });
    await batch();
    expect(lines().map((l) => l.state)).toEqual(["vanished", "sent", "sent"]);
    expect(lines()[2]).toMatchObject({ kind: "note", text: "okko was banned" });
  });

  it("asks how the chat is kept in order each time it comes in, and again when that changes meanwhile", async () => {
    const available = { slowMode: true, followersOnly: false, noGuests: true };
    const free = { slowMode: 0, followersOnly: false, noGuests: false, available, pinned: null };
    const answers: ((state: ChatState) => void)[] = [];
    await enter([], { order: () => new Promise((answer) => answers.push(answer)) });
    socket().receive({ Type: "EVENT", Id: "e", EventName: "streamcat:CHAT_MODES", Attributes: { SlowMode: "5" } });
    expect(answers).toHaveLength(2);
    answers[0]!({ ...free, role: "viewer" });
    answers[1]!({ ...free, slowMode: 5, role: "moderator" });
    await batch();
    expect(room.view().order).toMatchObject({ role: "moderator", modes: { slowMode: 5 } });
  });

  it("works where nobody keeps order", async () => {
    await enter(["SEND_MESSAGE"], { order: () => Promise.reject(new Error("nothing here")) });
    await batch();
    expect(room.view()).toMatchObject({ state: { name: "open" }, past: false, order: { role: undefined } });
  });
});
