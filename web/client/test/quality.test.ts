import { expect, test } from "vitest";
import { NetworkQuality } from "../src/index.js";
import { QualityReader } from "../src/quality.js";

const { EXCELLENT, GOOD, NORMAL, POOR, DOWN } = NetworkQuality;

const report = (...all: { id: string }[]) => new Map(all.map((one) => [one.id, one])) as unknown as RTCStatsReport;

/** What a browser tells of a stream that is received: `seconds` after its beginning, with a round trip of so many. */
function received(seconds: number, entry: object, roundTrip = 0.02): RTCStatsReport {
  return report(
    { id: "I", type: "inbound-rtp", ssrc: 7, transportId: "T", timestamp: 5e8 + seconds * 1000, ...entry } as { id: string },
    { id: "T", type: "transport", selectedCandidatePairId: "P" } as { id: string },
    { id: "other", type: "candidate-pair", currentRoundTripTime: 9 } as { id: string },
    { id: "P", type: "candidate-pair", currentRoundTripTime: roundTrip } as { id: string },
  );
}

interface Layer {
  id: string;
  entry?: object;
  told?: object;
  toldAt?: number;
}

function sent(seconds: number, ...layers: Layer[]): RTCStatsReport {
  return report(
    ...layers.flatMap(({ id, entry, told, toldAt = seconds }) => [
      { id, type: "outbound-rtp", kind: "video", ssrc: id.length, timestamp: 5e8 + seconds * 1000, ...entry },
      { id: `R${id}`, type: "remote-inbound-rtp", localId: id, timestamp: 5e8 + toldAt * 1000, jitter: 0.001, ...told },
    ]),
  );
}

const remote = (entry: object, roundTrip?: number) =>
  new QualityReader().received(received(9, { kind: "video", packetsReceived: 1000, ...entry }, roundTrip), false)
    ?.networkQuality;

test.each([
  [EXCELLENT, { packetsLost: 9 }],
  [GOOD, { packetsLost: 15 }],
  [NORMAL, { packetsLost: 50 }],
  [POOR, { packetsLost: 150 }],
  [DOWN, { packetsLost: 600 }],
  [EXCELLENT, { packetsLost: -3 }],
  [EXCELLENT, { jitter: 0.029 }],
  [GOOD, { jitter: 0.04 }],
  [NORMAL, { jitter: 0.09 }],
  [POOR, { jitter: 0.19 }],
  [DOWN, { jitter: 0.3 }],
  [EXCELLENT, { totalInterFrameDelay: 10, totalFreezesDuration: 0.05 }],
  [GOOD, { totalInterFrameDelay: 10, totalFreezesDuration: 0.3 }],
  [NORMAL, { totalInterFrameDelay: 10, totalFreezesDuration: 1 }],
  [POOR, { totalInterFrameDelay: 10, totalFreezesDuration: 3 }],
  [DOWN, { totalInterFrameDelay: 10, totalFreezesDuration: 6 }],
  [GOOD, { kind: "audio", totalSamplesReceived: 1000, concealedSamples: 60, silentConcealedSamples: 30 }],
  [undefined, { packetsReceived: 0 }],
])("quality %s is that of %j", (quality, entry) => expect(remote(entry)).toBe(quality));

test.each([
  [EXCELLENT, 0.14],
  [GOOD, 0.29],
  [NORMAL, 0.4],
  [POOR, 0.9],
  [DOWN, 2],
])("quality %s has a round trip of %d s", (quality, roundTrip) => expect(remote({}, roundTrip)).toBe(quality));

test("what is received is told in W3C's words, and nothing else", () => {
  const reader = new QualityReader();
  const entry = { kind: "video", packetsReceived: 10, frameWidth: 640, mid: "1", decoderImplementation: "x", audioLevel: 1 };
  expect(reader.received(received(1, entry, 0.25), false)).toEqual({
    ssrc: 7,
    packetsReceived: 10,
    frameWidth: 640,
    roundTripTime: 0.25,
    networkQuality: GOOD,
  });
  expect(reader.received(report({ id: "T" }), false)).toBeUndefined();
});

test("what was lost is forgotten again, but not at once", () => {
  const reader = new QualityReader();
  const at = (seconds: number, packetsReceived: number, packetsLost: number) =>
    reader.received(received(seconds, { kind: "video", packetsReceived, packetsLost }), false)?.networkQuality;
  expect(at(0, 900, 100)).toBe(POOR);
  expect(at(1, 1000, 100)).toBe(POOR); // two seconds are not over
  expect(at(3, 1200, 100)).toBe(EXCELLENT);
  expect(at(3.1, 1200, 400)).toBe(DOWN);
  for (let i = 0; i < 30; i++) at(3.1 + i / 10, 1300 + i * 10, 400);
  expect(at(6.1, 2000, 400)).toBe(EXCELLENT);
});

test("nothing that comes is DOWN, unless it is muted", () => {
  const reader = new QualityReader();
  const at = (seconds: number, packetsReceived: number, muted = false) =>
    reader.received(received(seconds, { kind: "video", packetsReceived }), muted)?.networkQuality;
  expect(at(0, 100)).toBe(EXCELLENT);
  expect(at(1, 100)).toBe(EXCELLENT);
  expect(at(2.5, 100)).toBe(DOWN);
  expect(at(5, 100, true)).toBe(EXCELLENT);
  expect(at(6, 100)).toBe(EXCELLENT);
  expect(at(9, 100)).toBe(DOWN);
  expect(at(10, 140)).toBe(EXCELLENT);
  expect(at(11, 7)).toBe(EXCELLENT); // another beginning
});

test("of what is sent each encoding is told, the smallest first", () => {
  const reader = new QualityReader();
  const large = { rid: "f", frameHeight: 720, packetsSent: 100, qualityLimitationReason: "cpu", active: true, bytesSent: 5 };
  const small = { rid: "q", frameHeight: 180, packetsSent: 100 };
  const told = { packetsLost: 5, fractionLost: 0.1, roundTripTime: 0.01 };
  expect(reader.sent(sent(1, { id: "LL", entry: large, told }, { id: "S", entry: small }), false)).toEqual([
    { ssrc: 1, rid: "q", frameHeight: 180, packetsSent: 100, jitter: 0.001, networkQuality: EXCELLENT },
    {
      ssrc: 2,
      rid: "f",
      frameHeight: 720,
      packetsSent: 100,
      bytesSent: 5,
      qualityLimitationReason: "cpu",
      ...told,
      jitter: 0.001,
      networkQuality: NORMAL,
    },
  ]);
  expect(reader.sent(report({ id: "T" }), false)).toEqual([]);
});

test("what the server says nothing of any more is DOWN", () => {
  const reader = new QualityReader();
  const at = (seconds: number, toldAt: number, entry: object = {}) =>
    reader.sent(sent(seconds, { id: "L", entry: { packetsSent: seconds * 50, ...entry }, toldAt }), false)[0]?.networkQuality;
  expect(at(1, 1)).toBe(EXCELLENT);
  expect(at(4, 3)).toBe(EXCELLENT);
  expect(at(7, 3)).toBe(DOWN);
  expect(at(10, 3, { active: false })).toBe(EXCELLENT); // nothing is sent, so nothing is to be told
});

test("too little bandwidth for the picture is NORMAL at best", () => {
  const reader = new QualityReader();
  const at = (seconds: number, bandwidth: number) => {
    const entry = { packetsSent: seconds * 50, qualityLimitationDurations: { none: 1, bandwidth } };
    return reader.sent(sent(seconds, { id: "L", entry }), false)[0]?.networkQuality;
  };
  expect(at(1, 0)).toBe(EXCELLENT);
  expect(at(11, 4)).toBe(EXCELLENT);
  expect(at(21, 10)).toBe(NORMAL);
});
