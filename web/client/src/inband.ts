import type { Sei } from "./sei.js";
import type { Insert } from "./sei.worker.js";
import SeiWorker from "./sei.worker.js?worker&inline";
import { SEI_WAITS } from "./seiqueue.js";
import { within } from "./wait.js";

/** A message that came in pictures. */
export interface SeiMessage {
  /** 16 bytes: the same for all repeats of a message. */
  uuid: ArrayBuffer;
  payload: ArrayBuffer;
}

/** How a message is put into pictures. */
export interface Insertion {
  /** How many pictures after the first carry it again, 0 to 30; 0 when absent. */
  repeatCount?: number;
}

const READY_WITHIN = 5_000;
const never = () => new AbortController().signal;
/** Bytes of a message, and of all within a second. */
const MOST = { message: 1023, second: 10_240, repeats: 30, waiting: 64 };

let worker: Promise<Worker> | undefined;

/**
 * What works on the pictures of this page. Rejects where the browser, or the page's content security policy, has no place
 * for it.
 */
export function inBandWorker(): Promise<Worker> {
  worker ??= start();
  worker.catch(() => (worker = undefined)); // tried again with the next call
  return worker;
}

/** The same, if it is wanted and there is a place for it. */
export function inBandIf(wanted: boolean): Promise<Worker | undefined> {
  return wanted ? inBandWorker().catch(() => undefined) : Promise.resolve(undefined);
}

async function start(): Promise<Worker> {
  if (typeof RTCRtpScriptTransform === "undefined") throw new Error("this browser lets nobody at encoded pictures");
  return within<Worker>(READY_WITHIN, never(), (done, fail) => {
    const made = new SeiWorker();
    made.onmessage = () => done(made);
    made.onerror = () => fail(new Error("the page does not allow a worker of blob:, which messages in pictures need"));
  });
}

function attach(end: RTCRtpSender | RTCRtpReceiver, ready: Worker, work: "insert" | "read"): MessagePort {
  const { port1, port2 } = new MessageChannel();
  end.transform = new RTCRtpScriptTransform(ready, { work, port: port2 }, [port2]);
  return port1;
}

/** Puts messages into what a sender sends. */
class Messenger {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, () => void>();
  #last = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<number>) => this.#waiting.get(data)?.();
  }

  /** Resolves when the message has gone into a picture. */
  insert(message: SeiMessage, repeatCount: number): Promise<void> {
    if (this.#waiting.size >= MOST.waiting) return Promise.reject(new Error("too many messages wait for a picture"));
    const id = (this.#last += 1);
    return within<void>(SEI_WAITS, never(), (done) => {
      this.#waiting.set(id, done);
      this.#port.postMessage({ id, pictures: 1 + repeatCount, ...message } satisfies Insert);
      return () => this.#waiting.delete(id);
    }).catch(() => {
      throw new Error(`no picture went out within ${SEI_WAITS / 1000} s`);
    });
  }
}

const messengers = new WeakMap<RTCRtpSender, Messenger>();

/** Lets messages into what a sender will send. A new sender takes it, one that has negotiated does not. */
export function letIn(sender: RTCRtpSender, ready: Worker): void {
  messengers.set(sender, new Messenger(attach(sender, ready, "insert")));
}

/** Who puts messages into what a sender sends, if they were let in. */
export const messengerOf = (sender: RTCRtpSender): Messenger | undefined => messengers.get(sender);

/** How much may be said. */
export class Ration {
  #said: { at: number; bytes: number }[] = [];

  /** Makes a message of a payload. Throws a RangeError for one too long, or too much within a second. */
  take(payload: ArrayBuffer, repeatCount: number): SeiMessage {
    const size = payload.byteLength;
    if (!(size > 0 && size <= MOST.message)) throw new RangeError(`a message has 1 to ${MOST.message} bytes, not ${size}`);
    if (!Number.isInteger(repeatCount) || repeatCount < 0 || repeatCount > MOST.repeats) {
      throw new RangeError(`repeatCount must be 0 to ${MOST.repeats}, not ${repeatCount}`);
    }
    const now = performance.now();
    const bytes = size * (1 + repeatCount);
    this.#said = this.#said.filter(({ at }) => now - at < 1000);
    if (this.#said.reduce((sum, one) => sum + one.bytes, bytes) > MOST.second) {
      throw new RangeError(`messages may have ${MOST.second} bytes within a second, repeats counted`);
    }
    this.#said.push({ at: now, bytes });
    return { uuid: uuid(), payload: payload.slice(0) };
  }
}

/** A random UUID (RFC 9562 §5.4). */
function uuid(): ArrayBuffer {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.buffer;
}

type Told = (message: SeiMessage) => void;

/** Who is told of the messages that a receiver gets. */
const ears = new WeakMap<RTCRtpReceiver, { told: Told | undefined }>();

/** Reads the messages in what a receiver will get. A new receiver takes it, one that has negotiated does not. */
export function attend(receiver: RTCRtpReceiver, ready: Worker): void {
  const ear: { told: Told | undefined } = { told: undefined };
  ears.set(receiver, ear);
  attach(receiver, ready, "read").onmessage = ({ data: { uuid, payload } }: MessageEvent<Sei>) => ear.told?.({ uuid, payload });
}

/** Has somebody told of the messages that a receiver gets, in the place of whoever was before. */
export function hear(receiver: RTCRtpReceiver, told: Told): void {
  const ear = ears.get(receiver);
  if (ear) ear.told = told;
}

/** Tells somebody no more; it may be somebody else's turn already. */
export function hush(receiver: RTCRtpReceiver, told: Told): void {
  const ear = ears.get(receiver);
  if (ear?.told === told) ear.told = undefined;
}
