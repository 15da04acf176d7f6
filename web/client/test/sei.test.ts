// Messages in pictures, as bytes. What comes from outside is tried with a generator of bytes that begins the same each time.
import { expect, test } from "vitest";
import { insertUnits, messagesOf, type Sei, seiUnit } from "../src/sei.js";
import { SeiQueue } from "../src/seiqueue.js";

const bytes = (...parts: (number | string | Uint8Array | ArrayBuffer)[]) =>
  Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === "number") return [part];
      if (typeof part === "string") return [...new TextEncoder().encode(part)];
      return [...new Uint8Array(part)];
    }),
  );
const UUID = "0123456789abcdef";
const message = (payload: Uint8Array | string, uuid: Uint8Array | string = UUID): Sei => ({
  uuid: bytes(uuid).buffer,
  payload: bytes(payload).buffer,
});
const plain = (found: Sei[]) => found.map(({ uuid, payload }) => ({ uuid: [...bytes(uuid)], payload: [...bytes(payload)] }));

const CODE = Uint8Array.of(0, 0, 0, 1);
const SHORT = Uint8Array.of(0, 0, 1);
const SPS = bytes(0x67, 0x42, 0xe0, 0x1f);
const PPS = bytes(0x68, 0xce);
const IDR = bytes(0x65, 0x88, 0x80, 9, 9);
const SLICE = bytes(0x61, 0xe0, 7, 7);
const KEY = bytes(CODE, SPS, CODE, PPS, SHORT, IDR);

/** Random numbers below a limit, the same each time (mulberry32). */
function dice(seed: number): (limit: number) => number {
  return (limit) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

test("a unit is what the standard says", () => {
  expect(seiUnit(message("hi"))).toEqual(bytes(CODE, 6, 5, 18, UUID, "hi", 0x80));
  const long = bytes(...Array.from({ length: 600 }, () => 7));
  expect(seiUnit(message(long))).toEqual(bytes(CODE, 6, 5, 255, 255, 106, UUID, long, 0x80));
  const escape = seiUnit(message(bytes(0, 0, 0, 0, 0, 1, 0, 0, 3, 0, 0, 4)));
  expect(escape).toEqual(bytes(CODE, 6, 5, 28, UUID, 0, 0, 3, 0, 0, 3, 0, 1, 0, 0, 3, 3, 0, 0, 4, 0x80));
});

test("units go before the first slice, behind parameter sets", () => {
  const units = [seiUnit(message("a")), seiUnit(message("b"))];
  expect(insertUnits(KEY, units)).toEqual(bytes(CODE, SPS, CODE, PPS, ...units, SHORT, IDR));
  expect(insertUnits(bytes(CODE, SLICE, CODE, SLICE), units)).toEqual(bytes(...units, CODE, SLICE, CODE, SLICE));
  for (const none of [bytes(), bytes(1, 2, 3), bytes(CODE), bytes(CODE, SPS, CODE), bytes(0, 0, 0, 9, 0x65)]) {
    expect(insertUnits(none, units)).toBeUndefined();
  }
});

const hex = (data: Uint8Array | ArrayBuffer) => Buffer.from(new Uint8Array(data)).toString("hex");
const text = (found: Sei[]) => found.map(({ uuid, payload }) => `${hex(uuid)} ${hex(payload)}`).join();

test("what was put in is read, byte for byte, and the picture without it is what it was", () => {
  const roll = dice(1);
  for (let turn = 0; turn < 300; turn += 1) {
    const some = (length: number) => Uint8Array.from({ length }, () => [0, 0, 0, 1, 3, 0x80, 255, roll(256)][roll(8)]!);
    const sent = Array.from({ length: 1 + roll(3) }, () => message(some(1 + roll(roll(4) ? 20 : 1023)), some(16)));
    const before = [KEY, bytes(CODE, SLICE), bytes(SHORT, 9, 0xf0, CODE, SLICE, SHORT, SLICE)][roll(3)]!;
    const units = sent.map(seiUnit);
    const after = insertUnits(before, units)!;
    const [whole, added] = [hex(after), units.map(hex).join("")];
    const right = {
      read: text(messagesOf(after)) === text(sent),
      rest: whole.replace(added, "") === hex(before) && whole.length === hex(before).length + added.length,
      // Nothing in a unit looks like a start code.
      escaped: units.every((unit) => !/\0\0[\0-\x02]/.test(String.fromCharCode(...unit.subarray(4)))),
    };
    if (!right.read || !right.rest || !right.escaped) expect({ sent: text(sent), ...right }).toBe("right");
  }
});

test("several messages of one unit are read, and other kinds passed over", () => {
  const body = bytes(6, 1, 3, 7, 7, 7, 5, 18, UUID, "hi", 5, 4, "no!!", 5, 16, UUID, 0x80);
  expect(plain(messagesOf(bytes(CODE, SPS, CODE, body, 0, 0, CODE, IDR)))).toEqual(plain([message("hi"), message("")]));
});

test("nothing is read behind the first slice, of other units, or of a message cut short", () => {
  const unit = seiUnit(message("hi"));
  expect(messagesOf(bytes(CODE, SLICE, unit))).toEqual([]);
  expect(messagesOf(bytes(CODE, 0x67, unit.subarray(5), CODE, IDR))).toEqual([]);
  for (let length = 0; length < unit.length - 1; length += 1) expect(messagesOf(unit.subarray(0, length))).toEqual([]);
});

test("of nonsense there is an end", () => {
  const many = bytes(...Array.from({ length: 40 }, () => seiUnit(message("x"))), CODE, IDR);
  expect(messagesOf(many)).toHaveLength(16);
  const large = seiUnit(message(bytes(...Array.from({ length: 20_000 }, () => 7))));
  expect(messagesOf(bytes(large, CODE, IDR))).toEqual([]);
  const units = bytes(...Array.from({ length: 100 }, () => bytes(CODE, PPS)), seiUnit(message("x")), CODE, IDR);
  expect(messagesOf(units)).toEqual([]);
});

test("bytes of anything are read without an error, and nothing is made up", () => {
  const roll = dice(2);
  const seed = bytes(seiUnit(message("hello")), CODE, SPS, seiUnit(message("there")), CODE, IDR);
  const unit = seiUnit(message("x"));
  let read = 0;
  for (let turn = 0; turn < 4000; turn += 1) {
    const data = roll(2)
      ? Uint8Array.from({ length: roll(200) }, () => [0, 0, 0, 1, 6, 5, 255, roll(256)][roll(8)]!)
      : seed.map((byte) => (roll(20) ? byte : roll(256))).subarray(0, roll(seed.length + 1));
    const before = hex(data);
    const found = messagesOf(data);
    const after = insertUnits(data, [unit]);
    const bound = found.reduce((sum, { payload }) => sum + 2 + 16 + payload.byteLength, 0);
    const right =
      hex(data) === before &&
      bound <= data.length &&
      found.every(({ uuid }) => uuid.byteLength === 16) &&
      (!after || after.length === data.length + unit.length);
    if (!right) expect({ before, found: text(found) }).toBe("right");
    read += found.length;
  }
  expect(read).toBeGreaterThan(200);
});

/** What each size got in its pictures: the times at which pictures went out, and when the message was asked for. */
function sent(pictures: number, asked: number, at: Record<number, number[]>): { got: Record<number, number[]>; gone: number } {
  const queue = new SeiQueue();
  let gone = 0;
  const got: Record<number, number[]> = {};
  const all = Object.entries(at).flatMap(([size, times]) => times.map((time) => ({ size: Number(size), time })));
  all.sort((a, b) => a.time - b.time);
  let added = false;
  for (const { size, time } of all) {
    if (!added && time >= asked) queue.add(SHORT, pictures, asked, () => (gone += 1));
    added ||= time >= asked;
    if (queue.take(size, time).length > 0) (got[size] ??= []).push(time);
  }
  return { got, gone };
}

test.each([
  [
    "each size gets it as often as it was to be repeated",
    2,
    0,
    { 1: [0, 33, 66, 99], 2: [1, 67, 133] },
    { 1: [0, 33], 2: [1, 67] },
  ],
  ["a size that comes a little later, too", 1, 0, { 1: [0, 400], 2: [499] }, { 1: [0], 2: [499] }],
  ["but not one that comes much later", 1, 0, { 1: [0, 600], 2: [601] }, { 1: [0] }],
  ["it waits for the first picture", 1, 10, { 1: [0, 2000, 2010] }, { 1: [2000] }],
  ["but not for ever", 1, 10, { 1: [0, 2011, 2012] }, {}],
  ["a size that pauses gets the rest afterwards", 2, 0, { 1: [0, 9000, 9001] }, { 1: [0, 9000] }],
  ["but not when everybody has forgotten it", 2, 0, { 1: [0], 2: [10_001], 3: [10_002] }, { 1: [0] }],
])("%s", (_, pictures, asked, at, want) => {
  const { got, gone } = sent(pictures, asked, at as Record<number, number[]>);
  expect(got).toEqual(want);
  expect(gone).toBe(Object.keys(want).length > 0 ? 1 : 0);
});

test("messages go in the order in which they were asked for, and are forgotten", () => {
  const queue = new SeiQueue();
  const [a, b] = [Uint8Array.of(1), Uint8Array.of(2)];
  queue.add(a, 2, 0, () => {});
  queue.add(b, 1, 5, () => {});
  expect(queue.take(1, 6)).toEqual([a, b]);
  expect(queue.take(1, 7)).toEqual([a]);
  expect(queue.take(1, 1000)).toEqual([]);
  expect(queue.take(2, 1001)).toEqual([]);
});
