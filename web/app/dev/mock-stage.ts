import type { Line, OpenStage, Outgoing, PortPerson } from "../src/stage/port";
import { paintedPerson } from "./mock-people";

/** What the mock server puts into a stage token. */
export interface MockSeat {
  me: { id: string; userId: string; name: string; role: "host" | "guest" | "viewer" };
  host: { userId: string; name: string };
  /** How many are in the picture, oneself included when one is not a viewer. */
  count: number;
}

const guests = ["okko", "wren_ivers", "sable", "marguerite", "tomas.l", "halle_b", "kelpforest", "lumi"];

declare global {
  interface Window {
    /** What a test may let happen on the mock stage. */
    mockStage?: {
      gone: (why: "removed" | "deleted" | "elsewhere") => void;
      lose: () => void;
      find: () => void;
      /** How people come through from now on, in the order of the tiles. */
      lines: (lines: Line[]) => void;
    };
  }
}

/** A stage played in this tab: painted people, of whom the first speaks, the third is muted and the sixth has no camera. */
export const openStage: OpenStage = (token, events) => {
  const seat = JSON.parse(atob(token.slice("mock.".length))) as MockSeat;
  const streams: MediaStream[] = [];
  const sends = seat.me.role !== "viewer";
  let mine: PortPerson = {
    id: seat.me.id,
    userId: seat.me.userId,
    attributes: { username: seat.me.name, role: seat.me.role },
    publisher: sends,
    local: true,
    publishing: false,
    audioMuted: false,
    videoStopped: false,
  };
  const others = () => {
    const names = guests.filter((g) => g !== seat.me.name && g !== seat.host.name);
    const people = seat.me.role === "host" ? [] : [{ name: seat.host.name, userId: seat.host.userId, role: "host" }];
    for (let i = 0; people.length < seat.count - (sends ? 1 : 0); i++)
      people.push({ name: names[i]!, userId: names[i]!, role: "guest" });
    return people;
  };
  const come = () => {
    events.onConnection("connected");
    events.onPerson(mine);
    others().forEach(({ name, userId, role }, i) => {
      const id = `mock-${userId}`;
      const n = i + (sends ? 1 : 0); // the painted camera is the first
      const who = { id, userId, attributes: { username: name, role }, publisher: true, local: false, publishing: true };
      const muted = i === 2;
      const off = i === 4;
      events.onPerson({ ...who, audioMuted: muted, videoStopped: off });
      const stream = paintedPerson(n, i === 0);
      streams.push(stream);
      events.onReceiving(id, "on");
      events.onTracks(id, stream.getTracks());
    });
  };
  const clear = () => {
    for (const stream of streams.splice(0)) for (const track of stream.getTracks()) track.stop();
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let lines: Line[] = [];
  window.mockStage = {
    gone: (why) => {
      clear();
      events.onGone(why);
    },
    lose: () => events.onConnection("lost"),
    find: () => events.onConnection("connected"),
    lines: (now) => void (lines = now),
  };
  return {
    join: async () => {
      events.onConnection("connecting");
      await new Promise((done) => setTimeout(done, 200));
      come();
    },
    leave: () => {
      clearTimeout(timer);
      clear();
    },
    send: (outgoing: Outgoing) => {
      if (!sends || mine.publishing || (!outgoing.audio && !outgoing.video)) return;
      events.onSending("trying");
      timer = setTimeout(() => {
        mine = { ...mine, publishing: true };
        events.onPerson(mine);
        events.onSending("on");
      }, 400);
    },
    again: () => undefined,
    stats: async () => [statistics()],
    lines: async () => {
      const them = others().map(({ userId }) => `mock-${userId}`);
      // The host's tile is the first: one's own, or that of the first of the others.
      const all = seat.me.role === "host" ? [mine.id, ...them] : [...them, mine.id];
      return new Map(all.map((id, i) => [id, lines[i] ?? "good"]));
    },
  };
};

const began = performance.now();

/** Numbers as a browser would count them: about 2.4 Mbit/s, 30 pictures a second, 38 ms, a little loss. */
function statistics(): RTCStatsReport {
  const seconds = (performance.now() - began) / 1000;
  const wave = Math.sin(seconds) * 0.08;
  return new Map<string, unknown>([
    [
      "out",
      {
        type: "outbound-rtp",
        kind: "video",
        bytesSent: Math.round(seconds * 300_000 * (1 + wave / 20)),
        packetsSent: Math.round(seconds * 280),
        framesPerSecond: 30,
        timestamp: performance.now(),
      },
    ],
    [
      "in",
      {
        type: "remote-inbound-rtp",
        kind: "video",
        roundTripTime: 0.038 + wave / 30,
        packetsLost: Math.round(seconds * 0.9),
        fractionLost: 0.004,
      },
    ],
  ]) as unknown as RTCStatsReport;
}
