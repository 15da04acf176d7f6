// Messages in pictures on their way from one stage to another: the worker's script runs here, on pictures of the test.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LocalStageStream, SeiMessage } from "../src/index.js";
import { messagesOf, seiUnit } from "../src/sei.js";
import type { FakePeer, FakeServer } from "./fakes.js";
import type { Visitor } from "./visitor.js";

type Picture = { data: ArrayBuffer; getMetadata(): object };
type Transformer = { readable: ReadableStream<Picture>; writable: WritableStream<Picture>; options: object };

/** How the page's worker fares. */
let worker: "works" | "is refused" | "says nothing";
let workers: number;

/** What the worker's script does with a transform. */
let work: (event: { transformer: Transformer }) => void;

class FakeWorker {
  onmessage: ((event: object) => void) | null = null;
  onerror: ((event: object) => void) | null = null;

  constructor() {
    workers += 1;
    const fate = worker;
    void Promise.resolve().then(() => {
      if (fate === "is refused") this.onerror?.({});
      if (fate === "works") this.onmessage?.({ data: "ready" });
    });
  }
}
vi.mock("../src/sei.worker.js?worker&inline", () => ({ default: FakeWorker }));

/** What stands between an encoder and the network. */
class FakeTransform {
  readonly #in = new TransformStream<Picture, Picture>(undefined, { highWaterMark: 100 }, { highWaterMark: 100 });
  readonly #out = new TransformStream<Picture, Picture>(undefined, { highWaterMark: 100 }, { highWaterMark: 100 });
  readonly #from = this.#in.writable.getWriter();
  readonly #to = this.#out.readable.getReader();

  constructor(_: FakeWorker, options: object) {
    work({ transformer: { readable: this.#in.readable, writable: this.#out.writable, options } });
  }

  async pass(picture: ArrayBuffer, synchronizationSource = 1): Promise<ArrayBuffer> {
    await this.#from.write({ data: picture, getMetadata: () => ({ synchronizationSource }) });
    return (await this.#to.read()).value!.data;
  }
}

/** Two ends, with nothing between them but a turn of the loop. */
class FakeChannel {
  readonly port1 = new FakePort();
  readonly port2 = new FakePort();

  constructor() {
    [this.port1.other, this.port2.other] = [this.port2, this.port1];
  }
}

class FakePort {
  other: FakePort | undefined;
  onmessage: ((event: { data: unknown }) => void) | null = null;

  postMessage(data: unknown): void {
    const copy = structuredClone(data);
    void Promise.resolve().then(() => this.other?.onmessage?.({ data: copy }));
  }
}

/** The library and its page: both are new for each test, since a page has one worker. */
let fakes: typeof import("./fakes.js");
let stages: typeof import("./visitor.js");
let server: FakeServer;

beforeEach(async () => {
  vi.resetModules();
  fakes = await import("./fakes.js");
  stages = await import("./visitor.js");
  server = fakes.browser();
  worker = "works";
  workers = 0;
  const ready = vi.fn();
  vi.stubGlobal("postMessage", ready);
  await import("../src/sei.worker.js");
  expect(ready).toHaveBeenCalledTimes(1);
  work = (globalThis as unknown as { onrtctransform: typeof work }).onrtctransform;
  vi.stubGlobal("RTCRtpScriptTransform", FakeTransform);
  vi.stubGlobal("MessageChannel", FakeChannel);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const enabled = { inBandMessaging: { enabled: true } };
const say = (words: string) => new TextEncoder().encode(words).buffer as ArrayBuffer;
const SLICE = Uint8Array.of(0, 0, 0, 1, 0x65, 0x88).buffer;
const words = (payload: ArrayBuffer) => new TextDecoder().decode(payload);
const settle = (ms = 0) => fakes.settle(ms);
const peer = (): FakePeer => fakes.last(fakes.FakePeer.all);
const transformOf = (n: number) => {
  const { kind, sender, receiver } = peer().transceivers[n]!;
  expect(kind).toBe("video");
  return (sender.transform ?? receiver.transform) as FakeTransform;
};

/** What a stream says with a picture. */
const inPicture = async (source = 1) => {
  const out = await transformOf(1).pass(SLICE, source);
  return messagesOf(new Uint8Array(out)).map(({ payload }) => words(payload));
};

async function publishing(...streams: LocalStageStream[]): Promise<Visitor> {
  const visitor = new stages.Visitor();
  visitor.streams = streams;
  visitor.publish = true;
  await visitor.join();
  await vi.waitFor(() => expect(visitor.news(/PUBLISH/).at(-1)).toMatch(/ published$/));
  return visitor;
}

describe("a message", () => {
  test("goes into the next pictures of each size, under one name", async () => {
    const camera = stages.camera(enabled);
    await publishing(camera, stages.microphone());
    expect(peer().transceivers[0]?.sender.transform).toBe(null);
    const asked = vi.fn();
    camera.on("localStreamInsertSeiMsgRequest", asked);
    const gone = vi.fn();
    expect(await inPicture()).toEqual([]);
    const payload = say("hello");
    void camera.insertSeiMessage(payload, { repeatCount: 1 }).then(gone);
    new Uint8Array(payload).fill(0); // the caller's again
    await settle();
    expect(gone).not.toHaveBeenCalled();
    const out = new Uint8Array(await transformOf(1).pass(SLICE, 7));
    await settle();
    expect(gone).toHaveBeenCalledTimes(1);
    const [message] = messagesOf(out);
    expect(out).toEqual(Uint8Array.from([...seiUnit(message!), ...new Uint8Array(SLICE)]));
    const uuid = new Uint8Array(message!.uuid);
    expect([uuid[6]! >> 4, uuid[8]! >> 6]).toEqual([4, 2]);
    const [told, options] = asked.mock.calls[0] as [SeiMessage, object];
    expect([new Uint8Array(told.uuid), words(told.payload), options]).toEqual([uuid, "hello", { repeatCount: 1 }]);
    expect(await inPicture(8)).toEqual(["hello"]);
    expect(await inPicture(7)).toEqual(["hello"]);
    expect(await inPicture(7)).toEqual([]);
    expect(await inPicture(8)).toEqual(["hello"]);
    const next = camera.insertSeiMessage(say("next"));
    await settle();
    const [another] = messagesOf(new Uint8Array(await transformOf(1).pass(SLICE, 7)));
    await next;
    expect(new Uint8Array(another!.uuid)).not.toEqual(uuid);
    expect(workers).toBe(1);
  });

  test("is refused that is empty, too long, repeated too often, or one too many", async () => {
    const camera = stages.camera(enabled);
    await publishing(camera);
    const insert = (bytes: number, repeatCount?: number) =>
      camera.insertSeiMessage(new ArrayBuffer(bytes), repeatCount === undefined ? {} : { repeatCount });
    await expect(insert(0)).rejects.toThrow(new RangeError("a message has 1 to 1023 bytes, not 0"));
    await expect(insert(1024)).rejects.toThrow(new RangeError("a message has 1 to 1023 bytes, not 1024"));
    for (const count of [-1, 31, 1.5, NaN]) {
      await expect(insert(1, count)).rejects.toThrow(new RangeError(`repeatCount must be 0 to 30, not ${count}`));
    }
    const first = insert(1000, 9);
    const second = insert(240);
    await settle();
    const sizes = (await transformOf(1).pass(SLICE)).byteLength;
    expect(sizes).toBeGreaterThan(1240);
    await Promise.all([first, second]);
    await expect(insert(1)).rejects.toThrow(new RangeError("messages may have 10240 bytes within a second, repeats counted"));
    await settle(1000);
    const third = insert(1);
    await settle();
    await transformOf(1).pass(SLICE);
    await third;
  });

  test("that finds no picture is told of, and so is one beyond sixty-four that wait", async () => {
    const camera = stages.camera(enabled);
    await publishing(camera);
    const waiting = Array.from({ length: 65 }, () => camera.insertSeiMessage(say("?")).catch((error: Error) => error.message));
    await settle(2000);
    expect(await Promise.all(waiting)).toEqual([
      ...Array<string>(64).fill("no picture went out within 2 s"),
      "too many messages wait for a picture",
    ]);
    const next = camera.insertSeiMessage(say("!"));
    await settle(1);
    expect(await inPicture()).toEqual(["!"]);
    await next;
  });

  test("needs a stream that was made for it, and is published", async () => {
    await expect(stages.camera().insertSeiMessage(say("?"))).rejects.toThrow("made without inBandMessaging");
    await expect(stages.microphone(enabled).insertSeiMessage(say("?"))).rejects.toThrow("made without inBandMessaging");
    const camera = stages.camera(enabled);
    await expect(camera.insertSeiMessage(say("?"))).rejects.toThrow("is not published");
    const visitor = await publishing(camera);
    visitor.stage.leave();
    await expect(camera.insertSeiMessage(say("?"))).rejects.toThrow("is not published");
  });

  test("has no place on a page or in a browser that does not allow it; the picture is published all the same", async () => {
    worker = "is refused";
    const camera = stages.camera(enabled);
    const visitor = await publishing(camera);
    expect(transformOf(1)).toBe(null);
    await expect(camera.insertSeiMessage(say("?"))).rejects.toThrow("does not allow a worker of blob:");
    worker = "works";
    await expect(camera.insertSeiMessage(say("?"))).rejects.toThrow("just being published anew");
    vi.stubGlobal("RTCRtpScriptTransform", undefined);
    visitor.stage.leave();
    vi.resetModules();
    stages = await import("./visitor.js");
    const another = stages.camera(enabled);
    fakes = await import("./fakes.js");
    server = fakes.browser();
    await publishing(another);
    await expect(another.insertSeiMessage(say("?"))).rejects.toThrow("this browser lets nobody at encoded pictures");
  });

  test("waits five seconds for the page, no longer", async () => {
    worker = "says nothing";
    const visitor = new stages.Visitor();
    visitor.streams = [stages.camera(enabled)];
    visitor.publish = true;
    await visitor.join();
    await settle(4900);
    expect(server.of("POST")).toHaveLength(0);
    await settle(200);
    expect(visitor.news(/PUBLISH/).at(-1)).toMatch(/ published$/);
  });

  test("needs another session when the one there is takes none", async () => {
    const [without, first, second] = [stages.camera(), stages.camera(enabled), stages.camera(enabled)];
    const visitor = await publishing(without);
    expect(workers).toBe(0);
    const show = async (stream: LocalStageStream, sessions: number) => {
      visitor.streams = [stream];
      visitor.stage.refreshStrategy();
      await vi.waitFor(() => expect(server.of("POST")).toHaveLength(sessions));
      await settle(500);
    };
    await show(first, 2);
    expect(transformOf(1)).toBeInstanceOf(FakeTransform);
    await show(without, 2);
    await show(second, 2);
    const gone = second.insertSeiMessage(say("again"));
    await settle();
    expect(await inPicture()).toEqual(["again"]);
    await gone;
  });
});

/** A picture that says something. */
const picture = (words: string): ArrayBuffer => {
  const unit = seiUnit({ uuid: say("0123456789abcdef"), payload: say(words) });
  return Uint8Array.from([...unit, ...new Uint8Array(SLICE)]).buffer;
};

describe("what is received", () => {
  let heard: string[];

  function listener(inBandMessaging = true): Visitor & { wants: boolean } {
    const visitor = Object.assign(new stages.Visitor(), { wants: inBandMessaging });
    heard = [];
    visitor.strategy.subscribeConfiguration = () => ({ inBandMessaging: { enabled: visitor.wants } });
    visitor.stage.on("stageStreamSeiMessageReceived", ({ id }, { uuid, payload }: SeiMessage) => {
      expect(words(uuid)).toBe("0123456789abcdef");
      heard.push(`${id}: ${words(payload)}`);
    });
    return visitor;
  }

  const arrives = async (n: number, text: string) => {
    const before = picture(text);
    const copy = before.slice(0);
    expect(new Uint8Array(await transformOf(n).pass(before))).toEqual(new Uint8Array(copy)); // as it was
    await settle();
    return heard.splice(0);
  };
  const publisher = (id: string) => stages.person(id, { isPublishing: true });
  const opened = (sessions: number) =>
    vi.waitFor(() => expect(server.of("POST")).toHaveLength(sessions)).then(() => settle(500));

  test("is told of where it is asked for, over a connection of its own", async () => {
    const visitor = listener(false);
    await visitor.join(publisher("bob"));
    await opened(1);
    expect([workers, transformOf(1)]).toEqual([0, null]);
    visitor.wants = true;
    visitor.stage.refreshStrategy();
    await opened(2);
    expect(await arrives(1, "hello")).toEqual(["bob: hello"]);
    expect(peer().transceivers[0]?.receiver.transform).toBe(null);
    visitor.wants = false;
    visitor.stage.refreshStrategy();
    expect(await arrives(1, "hush")).toEqual([]);
    visitor.wants = true;
    visitor.stage.refreshStrategy();
    await opened(3);
    expect(await arrives(1, "hello again")).toEqual(["bob: hello again"]);
    visitor.stage.leave();
    expect(await arrives(1, "too late")).toEqual([]);
  });

  test("is asked for while a connection is being made", async () => {
    let answer!: () => void;
    server.next.push(new Promise((done) => (answer = () => done(server.created("/subscribe/bob")))));
    const visitor = listener(false);
    await visitor.join(publisher("bob"));
    await opened(1);
    visitor.wants = true;
    visitor.stage.refreshStrategy();
    answer();
    await opened(2);
    expect(await arrives(1, "hello")).toEqual(["bob: hello"]);
  });

  describe("over one connection for all", () => {
    const join = async (visitor: Visitor, ...others: object[]) => {
      const joined = visitor.stage.join();
      await settle();
      fakes.last(fakes.FakeSocket.all).say("STAGE_STATE", { ...stages.state(...others), maxSlots: 16 });
      await joined;
      await settle(100);
    };
    const slots = (visitor: Visitor, session: number, ...video: string[]) =>
      visitor.hear("SLOTS", {
        session: String(session),
        slots: video.flatMap((participantId, n) => [
          { mid: String(n), participantId, kind: "audio" },
          { mid: String(12 + n), participantId, kind: "video" },
        ]),
        waiting: [],
      });

    test("is told of as theirs whose pictures they are", async () => {
      const visitor = listener();
      await join(visitor, publisher("bob"), publisher("cy"));
      await opened(1);
      await slots(visitor, 1, "bob", "cy");
      expect([await arrives(12, "one"), await arrives(13, "two")]).toEqual([["bob: one"], ["cy: two"]]);
      await slots(visitor, 1, "cy", "bob");
      expect([await arrives(12, "one"), await arrives(13, "two")]).toEqual([["cy: one"], ["bob: two"]]);
      await visitor.hear("STAGE_UPDATE", stages.update({ left: ["cy"] }));
      expect([await arrives(12, "one"), await arrives(13, "two")]).toEqual([[], ["bob: two"]]);
      expect(await arrives(14, "nobody")).toEqual([]);
    });

    test("needs another connection when the one there is does not read, once", async () => {
      const visitor = listener(false);
      await join(visitor, publisher("bob"), publisher("cy"));
      await opened(1);
      await slots(visitor, 1, "bob", "cy");
      expect(transformOf(12)).toBe(null);
      visitor.wants = true;
      visitor.stage.refreshStrategy();
      await opened(2);
      await slots(visitor, 2, "bob", "cy");
      expect(await arrives(13, "hello")).toEqual(["cy: hello"]);
    });

    test("is asked for while the connection is being made", async () => {
      let answer!: () => void;
      server.next.push(new Promise((done) => (answer = () => done(server.created("/subscribe")))));
      const visitor = listener(false);
      await join(visitor, publisher("bob"));
      await opened(1);
      visitor.wants = true;
      visitor.stage.refreshStrategy();
      answer();
      await opened(2);
      await slots(visitor, 2, "bob");
      expect(await arrives(12, "hello")).toEqual(["bob: hello"]);
    });
  });
});
