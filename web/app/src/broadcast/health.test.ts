import { expect, it } from "vitest";
import { type Health, advice, between, read } from "./health";

const report = (...entries: object[]) => new Map(entries.map((entry, i) => [i, entry]));
const video = { type: "outbound-rtp", kind: "video", timestamp: 10_000, bytesSent: 1_000_000, packetsSent: 1000 };
const audio = { type: "outbound-rtp", kind: "audio", timestamp: 10_000, bytesSent: 50_000, packetsSent: 500 };
const heard = { type: "remote-inbound-rtp", kind: "video", packetsLost: 4, roundTripTime: 0.038 };

it("adds up sound and picture", () => {
  const reading = read(report(video, audio, heard, { type: "codec" }));
  expect(reading).toMatchObject({ bytes: 1_050_000, packets: 1500, lost: 4, roundTrip: 38, limit: "none" });
});

it("takes the round trip of the path until the server reports", () => {
  const pair = { type: "candidate-pair", state: "succeeded", nominated: true, currentRoundTripTime: 0.012 };
  expect(read(report(video, pair))?.roundTrip).toBe(12);
});

it("reads nothing while nothing is sent", () => expect(read(report({ type: "transport" }))).toBeUndefined());

it("tells rates between two readings", () => {
  const before = read(report({ ...video, framesEncoded: 300 }, heard))!;
  const after = read(
    report(
      {
        ...video,
        timestamp: 12_000,
        bytesSent: 1_750_000,
        packetsSent: 1800,
        framesEncoded: 358,
        frameHeight: 720,
        qualityLimitationReason: "cpu",
      },
      { ...heard, packetsLost: 12 },
    ),
  )!;
  expect(between(before, after)).toEqual({ kbps: 3000, fps: 29, roundTrip: 38, loss: 1, limit: "cpu", height: 720 });
  expect(between(after, before)).toBeUndefined(); // counters that fall belong to another connection
});

it("goes by the largest size that is sent", () => {
  const sizes = (seconds: number) =>
    report(
      { ...video, timestamp: seconds * 1000, frameHeight: 180, framesEncoded: 30 * seconds, framesPerSecond: 30 },
      { ...video, timestamp: seconds * 1000, frameHeight: 360, framesEncoded: 29 * seconds, framesPerSecond: 29 },
      { ...video, timestamp: seconds * 1000, frameHeight: 720, framesEncoded: 10, framesPerSecond: 0 },
    );
  const [before, now] = [read(sizes(4))!, read(sizes(6))!];
  expect(now).toMatchObject({ height: 360, bytes: 3_000_000 });
  expect(between(before, now)).toMatchObject({ fps: 29, height: 360 });
  expect(between({ ...before, height: 180 }, now)).toMatchObject({ fps: 29 });
});

const fine: Health = { kbps: 3000, fps: 30, roundTrip: 40, loss: 0, limit: "none", height: 720 };
const times = (n: number, h: Partial<Health>) => Array.from({ length: n }, () => ({ ...fine, ...h }));

it.each([
  ["nothing when all is well", times(10, {}), ""],
  ["nothing of one bad moment", [...times(5, {}), ...times(2, { loss: 20 })], ""],
  ["to use a cable", times(4, { loss: 8 }), "loses part"],
  ["to close other programs", times(4, { limit: "cpu" }), "This device is at its limit"],
  ["to close other programs when pictures are missing", times(4, { fps: 11 }), "This device is at its limit"],
  ["to stop uploads", times(4, { limit: "bandwidth", kbps: 700, fps: 12 }), "Your connection is at its limit"],
  ["nothing of a limit that leaves enough", times(4, { limit: "bandwidth", kbps: 2600 }), ""],
])("advises %s", (_, history, part) => {
  const said = advice(history, 30);
  if (part === "") expect(said).toBe("");
  else expect(said).toContain(part);
});
