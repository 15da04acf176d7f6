// Messages in the pictures of H.264: SEI of type "user data unregistered" (ITU-T H.264 §7.3.2.3, §D.1.7), in access
// units as encoders and depacketizers of browsers give them, with start codes (Annex B).

/** What a message is: 16 bytes that name it, and what it says. */
export interface Sei {
  uuid: ArrayBuffer;
  payload: ArrayBuffer;
}

const NAL_SEI = 6;
/** Slices: what comes after the first is no SEI of the picture. */
const isSlice = (type: number) => type >= 1 && type <= 5;
const USER_DATA_UNREGISTERED = 5;
const UUID_BYTES = 16;

/** What is read of one picture at most: more is somebody's nonsense. */
const MOST = { messages: 16, bytes: 16_384, units: 64 };

/** A unit, start code and all, that holds a message. */
export function seiUnit({ uuid, payload }: Sei): Uint8Array {
  const size = UUID_BYTES + payload.byteLength;
  const long = Math.floor(size / 255);
  const body = new Uint8Array(1 + long + 1 + size + 1);
  body[0] = USER_DATA_UNREGISTERED;
  body.fill(255, 1, 1 + long);
  body[1 + long] = size % 255;
  body.set(new Uint8Array(uuid, 0, UUID_BYTES), 2 + long);
  body.set(new Uint8Array(payload), 2 + long + UUID_BYTES);
  body[body.length - 1] = 0x80; // the end of a unit's data (§7.3.2.11)
  return join([Uint8Array.of(0, 0, 0, 1, NAL_SEI), escaped(body)]);
}

/** A picture with units before its first slice; undefined for what is no picture of H.264. */
export function insertUnits(picture: Uint8Array, units: readonly Uint8Array[]): Uint8Array<ArrayBuffer> | undefined {
  for (const { start, type } of unitsOf(picture)) {
    if (isSlice(type)) return join([picture.subarray(0, start), ...units, picture.subarray(start)]);
  }
  return undefined;
}

/** The messages of a picture. The bytes are anybody's: it never throws, and reads a bounded part. */
export function messagesOf(picture: Uint8Array): Sei[] {
  const found: Sei[] = [];
  let bytes = 0;
  for (const { type, from, to } of unitsOf(picture)) {
    if (isSlice(type)) break;
    if (type !== NAL_SEI) continue;
    bytes += to - from;
    if (bytes > MOST.bytes) break;
    read(unescaped(picture.subarray(from + 1, to)), found);
  }
  return found;
}

/** Reads the messages of one unit (§7.3.2.3.1). */
function read(data: Uint8Array, found: Sei[]): void {
  let at = 0;
  const number = () => {
    let value = 0;
    while (data[at] === 255) {
      value += 255;
      at += 1;
    }
    value += data[at] ?? 0;
    at += 1;
    return value;
  };
  // Behind the last message there is the end of the unit's data, and nothing else.
  while (at + 2 < data.length && found.length < MOST.messages) {
    const type = number();
    const size = number();
    if (at + size > data.length) return;
    if (type === USER_DATA_UNREGISTERED && size >= UUID_BYTES) {
      const [uuid, payload] = [data.slice(at, at + UUID_BYTES).buffer, data.slice(at + UUID_BYTES, at + size).buffer];
      found.push({ uuid, payload } as Sei);
    }
    at += size;
  }
}

interface Unit {
  /** Where its start code begins, and where its own bytes do and end. */
  start: number;
  from: number;
  to: number;
  type: number;
}

/** The units of a picture, in order. The end of slices is not looked for: they are most of a picture. */
function* unitsOf(picture: Uint8Array): Generator<Unit> {
  let code = startCode(picture, 0);
  for (let n = 0; code < picture.length && n < MOST.units; n += 1) {
    const from = code + 3;
    const type = (picture[from] ?? 0) & 0x1f;
    const next = isSlice(type) ? picture.length : startCode(picture, from);
    let to = next;
    while (to > from && picture[to - 1] === 0) to -= 1; // zeros before a start code belong to no unit (§B.1)
    yield { start: code > 0 && picture[code - 1] === 0 ? code - 1 : code, from, to, type };
    code = next;
  }
}

/** Where the next 00 00 01 is; the length of the picture if there is none. */
function startCode(picture: Uint8Array, from: number): number {
  for (let at = picture.indexOf(1, from + 2); at >= 0; at = picture.indexOf(1, at + 1)) {
    if (picture[at - 1] === 0 && picture[at - 2] === 0) return at - 2;
  }
  return picture.length;
}

/** With a 3 wherever the bytes would look like a start code (§7.4.1.1). */
function escaped(data: Uint8Array): Uint8Array {
  const out: number[] = [];
  let zeros = 0;
  for (const byte of data) {
    if (zeros >= 2 && byte <= 3) {
      out.push(3);
      zeros = 0;
    }
    out.push(byte);
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return Uint8Array.from(out);
}

/** Without those. */
function unescaped(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length);
  let length = 0;
  let zeros = 0;
  for (const byte of data) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    out[length] = byte;
    length += 1;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return out.subarray(0, length);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
