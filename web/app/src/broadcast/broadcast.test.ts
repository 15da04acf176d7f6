import type { WhipState } from "@streamcat/client/whip";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ApiError } from "../api/client";
import { Broadcast, type Publisher, onAir } from "./broadcast";

/** Does what the test tells it to. */
class FakePublisher implements Publisher {
  state: WhipState = "idle";
  error: { code: string; message: string } | undefined;
  onstate: ((state: WhipState) => void) | undefined;
  stopped = 0;
  bytes = 0;
  stopping = Promise.resolve();
  readonly key: string;
  #begin: { resolve: () => void; reject: (cause: Error) => void } | undefined;
  constructor(key: string) {
    this.key = key;
  }
  start() {
    this.to("connecting");
    return new Promise<void>((resolve, reject) => (this.#begin = { resolve, reject }));
  }
  stop() {
    this.stopped++;
    return this.stopping;
  }
  to(state: WhipState, error?: { code: string; message: string }) {
    this.state = state;
    this.error = error;
    this.onstate?.(state);
    if (state === "live") this.#begin?.resolve();
    if (state === "failed") this.#begin?.reject(new Error(error?.message));
  }
  async getStats() {
    this.bytes += 500_000;
    const entry = { type: "outbound-rtp", kind: "video", timestamp: Date.now(), bytesSent: this.bytes, packetsSent: 1 };
    return new Map([["1", entry]]) as unknown as RTCStatsReport;
  }
}

let made: FakePublisher[];
let key: () => Promise<string>;
let broadcast: Broadcast;

beforeEach(() => {
  vi.useFakeTimers();
  made = [];
  key = async () => `sk_${made.length + 1}`;
  broadcast = new Broadcast({
    key: () => key(),
    publisher: (k) => {
      made.push(new FakePublisher(k));
      return made.at(-1)!;
    },
  });
});
afterEach(() => {
  broadcast.close();
  vi.useRealTimers();
});

const state = () => broadcast.view().state;
const live = async () => {
  void broadcast.start();
  await vi.advanceTimersByTimeAsync(0);
  made.at(-1)!.to("live");
};

it("fetches the key, connects and is live", async () => {
  const seen: string[] = [];
  broadcast.subscribe(() => seen.push(state()));
  await live();
  expect([...new Set(seen)]).toEqual(["preparing", "connecting", "live"]);
  expect(broadcast.view().since).toBe(Date.now());
  expect(onAir(broadcast.view())).toBe(true);
});

it("starts once however often it is told to", async () => {
  await live();
  await broadcast.start();
  expect(made).toHaveLength(1);
});

it("keeps the time on air through a reconnect, and says why it reconnects", async () => {
  await live();
  const { since } = broadcast.view();
  await vi.advanceTimersByTimeAsync(5000);
  made[0]!.to("reconnecting", { code: "LOST", message: "gone" });
  expect(state()).toBe("reconnecting");
  expect(broadcast.view().mishap?.title).toBe("The server cannot be reached");
  made[0]!.to("live");
  expect(broadcast.view()).toMatchObject({ state: "live", since, mishap: undefined });
});

it("is connecting, not reconnecting, while it has never been live", async () => {
  void broadcast.start();
  await vi.advanceTimersByTimeAsync(0);
  made[0]!.to("reconnecting", { code: "CONFLICT", message: "this stream key is live already" });
  expect(state()).toBe("connecting");
  made[0]!.to("failed", { code: "CONFLICT", message: "this stream key is live already" });
  expect(broadcast.view()).toMatchObject({ state: "failed", mishap: { title: "Another encoder is live on your channel" } });
  expect(onAir(broadcast.view())).toBe(false);
});

it("begins anew with a fresh key after a failure", async () => {
  void broadcast.start();
  await vi.advanceTimersByTimeAsync(0);
  made[0]!.to("failed", { code: "UNAUTHORIZED", message: "no" });
  await live();
  expect(made.map((p) => p.key)).toEqual(["sk_1", "sk_2"]);
  expect(state()).toBe("live");
  made[0]!.to("failed", { code: "LOST", message: "late" }); // the first one is not listened to any more
  expect(state()).toBe("live");
});

it("says what the server said about the key", async () => {
  key = () => Promise.reject(new ApiError(503, "The server is busy."));
  await broadcast.start();
  expect(broadcast.view()).toMatchObject({ state: "failed", mishap: { text: "The server is busy." } });
  expect(made).toHaveLength(0);
});

it("fails when the publisher cannot be made", async () => {
  broadcast = new Broadcast({
    key: async () => "sk",
    publisher: () => {
      throw new TypeError("the stream has no tracks");
    },
  });
  await broadcast.start();
  expect(state()).toBe("failed");
});

it("ends, says how long it lasted, and waits only so long for the server", async () => {
  await live();
  await vi.advanceTimersByTimeAsync(60_000);
  made[0]!.stopping = new Promise(() => undefined);
  const stop = broadcast.stop();
  expect(state()).toBe("stopping");
  await vi.advanceTimersByTimeAsync(4000);
  await stop;
  expect(broadcast.view()).toMatchObject({ state: "off", lasted: 60_000, since: undefined, health: [] });
  expect(made[0]!.stopped).toBe(1);
  made[0]!.to("live"); // too late
  expect(state()).toBe("off");
});

it("can be stopped while the key is fetched, and nothing goes out", async () => {
  let give: (k: string) => void = () => undefined;
  key = () => new Promise((resolve) => (give = resolve));
  const start = broadcast.start();
  await broadcast.stop();
  give("sk");
  await start;
  expect(made).toHaveLength(0);
  expect(state()).toBe("off");
});

it("measures while it is live, a bounded number of times, and stops", async () => {
  await live();
  await vi.advanceTimersByTimeAsync(200_000);
  const { health } = broadcast.view();
  expect(health).toHaveLength(45);
  expect(health.at(-1)!.kbps).toBeCloseTo(2000);
  await broadcast.stop();
  expect(vi.getTimerCount()).toBe(1); // the goodbye's own
  await vi.advanceTimersByTimeAsync(4000);
  expect(vi.getTimerCount()).toBe(0);
});

it("says goodbye when the page goes", async () => {
  await live();
  broadcast.close();
  expect(made[0]!.stopped).toBe(1);
  expect(state()).toBe("off");
});
