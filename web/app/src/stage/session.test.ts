import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import type { StageToken } from "../api/types";
import type { Outgoing, PortEvents, PortPerson } from "./port";
import { StageSession } from "./session";

/** A stage that does what the test says. */
class FakePort {
  static all: FakePort[] = [];
  left = false;
  sent: Outgoing[] = [];
  tried = 0;
  joined!: () => void;
  refused!: (trouble: unknown) => void;

  constructor(
    readonly token: string,
    readonly events: PortEvents,
  ) {
    FakePort.all.push(this);
  }
  join = () => new Promise<void>((yes, no) => ([this.joined, this.refused] = [yes, no]));
  leave = () => void (this.left = true);
  send = (outgoing: Outgoing) => void this.sent.push(outgoing);
  again = () => void this.tried++;
  stats = async () => [];
  lines = async () => new Map([[this.token, "poor" as const]]);
}

class FakeStream {
  #tracks: MediaStreamTrack[] = [];
  getTracks = () => [...this.#tracks];
  addTrack = (t: MediaStreamTrack) => void this.#tracks.push(t);
  removeTrack = (t: MediaStreamTrack) => void (this.#tracks = this.#tracks.filter((other) => other !== t));
}

const track = (kind: string) => ({ kind }) as MediaStreamTrack;
const port = () => FakePort.all.at(-1)!;
const settle = () => vi.advanceTimersByTimeAsync(0);
const person = (id: string, change: Partial<PortPerson> = {}): PortPerson => ({
  id,
  userId: id,
  attributes: { username: id, role: "guest" },
  publisher: true,
  local: false,
  publishing: true,
  audioMuted: false,
  videoStopped: false,
  ...change,
});

let seats: (StageToken | Error)[];
let named: string[];
let session: StageSession;
const seat = (token: string, participantId = "me"): StageToken => ({
  token,
  participantId,
  expirationTime: "",
  userId: "me",
  username: "me",
  stageId: "s",
});

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("MediaStream", FakeStream);
  FakePort.all = [];
  seats = [seat("t1")];
  named = [];
  session = new StageSession({
    seat: async (_, refused) => {
      named.push(refused);
      const next = seats.length > 1 ? seats.shift()! : seats[0]!;
      if (next instanceof Error) throw next;
      return next;
    },
    open: (token, events) => new FakePort(token, events),
    random: () => 1,
  });
});
afterEach(() => {
  session.leave();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function come() {
  session.join();
  await settle();
  port().events.onConnection("connected");
  port().joined();
  await settle();
}

describe("a seat on a stage", () => {
  it("is fetched, taken, and told", async () => {
    expect(session.view().state.name).toBe("idle");
    session.join();
    await settle();
    expect(session.view()).toMatchObject({ state: { name: "joining" }, me: "me" });
    expect(port().token).toBe("t1");
    port().events.onConnection("connected");
    await settle();
    expect(session.view().state).toEqual({ name: "on" });
  });

  it("tells the lines of the connection that there is", async () => {
    expect(await session.lines()).toEqual(new Map());
    await come();
    expect(await session.lines()).toEqual(new Map([["t1", "poor"]]));
    session.leave();
    expect(await session.lines()).toEqual(new Map());
  });

  it("sends what is there from the start, and what comes later", async () => {
    const audio = track("audio");
    session.send({ audio, audioMuted: false, videoStopped: true });
    await come();
    expect(port().sent[0]).toMatchObject({ audio });
    const video = track("video");
    session.send({ audio, video, audioMuted: true, videoStopped: false });
    expect(port().sent.at(-1)).toMatchObject({ audio, video, audioMuted: true });
  });

  it("shows oneself as one is here, not as the stage last heard", async () => {
    await come();
    port().events.onPerson(person("me", { local: true, audioMuted: false }));
    session.send({ video: track("video"), audioMuted: true, videoStopped: false });
    port().events.onPerson(person("me", { local: true, publishing: true, audioMuted: false }));
    await settle();
    expect(session.view().people[0]).toMatchObject({ local: true, audioMuted: true, hasVideo: true, hasAudio: false });
  });

  it("keeps one stream for a person while tracks come and go", async () => {
    await come();
    const { events } = port();
    events.onPerson(person("okko"));
    events.onTracks("okko", [track("audio")]);
    await settle();
    const { stream } = session.view().people[0]!;
    const later = track("video");
    events.onTracks("okko", [later]);
    events.onReceiving("okko", "on");
    await settle();
    const now = session.view().people[0]!;
    expect(now.stream).toBe(stream);
    expect(now.stream!.getTracks()).toEqual([later]);
    expect(now).toMatchObject({ hasAudio: false, hasVideo: true, receiving: "on" });
    events.onLeft("okko");
    await settle();
    expect(session.view().people).toEqual([]);
  });

  it("knows the host from the guests, and a name where the token brought none", async () => {
    await come();
    port().events.onPerson(person("h", { attributes: { username: "patchbay", role: "host" } }));
    port().events.onPerson(person("g"));
    port().events.onPerson(person("x", { attributes: {}, userId: "" }));
    port().events.onPerson(person("w", { attributes: { role: "viewer" }, publisher: false }));
    await settle();
    expect(session.view().people.map((p) => [p.name, p.host])).toEqual([
      ["patchbay", true],
      ["g", false],
      ["Somebody", true],
      ["w", false],
    ]);
  });

  it("tells the page once of many changes", async () => {
    await come();
    const told = vi.fn();
    session.subscribe(told);
    for (let i = 0; i < 50; i++) port().events.onPerson(person(`p${i}`));
    expect(told).not.toHaveBeenCalled();
    await settle();
    expect(told).toHaveBeenCalledOnce();
  });
});

describe("a lost stage", () => {
  it("is said to come back while the library does it", async () => {
    await come();
    port().events.onConnection("connecting");
    await settle();
    expect(session.view().state.name).toBe("back");
    port().events.onConnection("connected");
    await settle();
    expect(session.view().state.name).toBe("on");
    expect(FakePort.all).toHaveLength(1);
  });

  it("is begun anew with another seat when the library gave up", async () => {
    seats = [seat("t1"), seat("t2")];
    await come();
    const old = port();
    old.events.onPerson(person("okko"));
    old.events.onGone("unknown", { code: "TIMEOUT", message: "x" });
    await settle();
    expect(session.view().state.name).toBe("back");
    expect(session.view().people).toEqual([]);
    expect(old.left).toBe(true);
    await vi.advanceTimersByTimeAsync(500);
    expect(port().token).toBe("t2");
    old.events.onPerson(person("ghost")); // of an earlier life
    port().events.onConnection("connected");
    await settle();
    expect(session.view()).toMatchObject({ state: { name: "on" }, people: [] });
  });

  it("waits longer each time, and not at all when the network is back", async () => {
    seats = [new ApiError(0, "The server did not answer.")];
    session.join();
    await settle();
    expect(session.view().state).toEqual({ name: "joining", trouble: "The server did not answer." });
    seats = [seat("t2")];
    dispatchEvent(new Event("online"));
    await settle();
    expect(port().token).toBe("t2");
  });

  it("fetches another token when the one in use ran out while sending", async () => {
    seats = [seat("t1"), seat("t2")];
    await come();
    port().events.onSending("failed", { code: "TOKEN_EXPIRED", message: "" });
    await vi.advanceTimersByTimeAsync(500);
    expect(port().token).toBe("t2");
  });

  it("names a token that was not taken until it has another", async () => {
    seats = [seat("t1", "p1"), new ApiError(503, "busy"), seat("t2", "p2"), seat("t2", "p2")];
    await come();
    port().events.onGone("unknown", { code: "TOKEN_NOT_ALLOWED", message: "" });
    await vi.advanceTimersByTimeAsync(1500);
    expect(named).toEqual(["", "p1", "p1"]);
    port().events.onGone("unknown", { code: "TIMEOUT", message: "" });
    await vi.advanceTimersByTimeAsync(2000);
    expect(named.at(-1)).toBe("");
  });

  it("says why others do not see one, and tries again when told to", async () => {
    await come();
    port().events.onSending("failed", { code: "CODEC_MISMATCH", message: "" });
    await settle();
    expect(session.view()).toMatchObject({ sending: "failed", sendingTrouble: { code: "CODEC_MISMATCH" } });
    session.again();
    expect(port().tried).toBe(1);
    port().events.onSending("on");
    await settle();
    expect(session.view()).toMatchObject({ sending: "on", sendingTrouble: undefined });
  });
});

describe("the end", () => {
  it.each(["removed", "deleted", "elsewhere"] as const)("is final when %s", async (why) => {
    await come();
    port().events.onGone(why);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(session.view()).toMatchObject({ state: { name: "gone", why }, people: [] });
    expect(FakePort.all).toHaveLength(1);
  });

  it("is none for who watches in a second tab: both get a seat", async () => {
    seats = [seat("t1", "p1"), seat("t2", "p2")];
    session = new StageSession({
      seat: async (_, refused) => {
        named.push(refused);
        return seats.shift() as StageToken;
      },
      open: (token, events) => new FakePort(token, events),
      shared: true,
    });
    await come();
    port().events.onGone("elsewhere");
    await settle();
    expect(session.view().state.name).toBe("back");
    await vi.advanceTimersByTimeAsync(500);
    expect(named).toEqual(["", "p1"]);
    expect(port().token).toBe("t2");
  });

  it("comes at the door, too", async () => {
    session.join();
    await settle();
    port().refused({ code: "PARTICIPANT_DISCONNECTED", message: "" });
    await settle();
    expect(session.view().state).toEqual({ name: "gone", why: "removed" });
  });

  it("carries the server's word for who has no seat", async () => {
    seats = [new ApiError(409, "Not live.", {}, undefined, "not-real-time")];
    session.join();
    await settle();
    expect(session.view().state).toEqual({ name: "failed", code: "not-real-time", message: "Not live." });
  });

  it("can be followed by another beginning", async () => {
    await come();
    port().events.onGone("elsewhere");
    session.join();
    await settle();
    expect(FakePort.all).toHaveLength(2);
    expect(session.view().state.name).toBe("joining");
  });

  it("is heard by a stage that opens too late", async () => {
    session.join();
    session.leave();
    await settle();
    expect(FakePort.all.every((p) => p.left)).toBe(true);
    expect(session.view().state.name).toBe("idle");
  });
});
