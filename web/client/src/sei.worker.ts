// What works on the pictures, beside the page: it puts messages in, or reads them. Built into the library as text.
import { insertUnits, messagesOf, type Sei, seiUnit } from "./sei.js";
import { SeiQueue } from "./seiqueue.js";

interface Picture {
  data: ArrayBuffer;
  getMetadata(): { synchronizationSource?: number };
}

interface Transformer {
  readable: ReadableStream<Picture>;
  writable: WritableStream<Picture>;
  options: { work: "insert" | "read"; port: MessagePort };
}

/** What the page asks for, and is answered by the id when it has gone. */
export interface Insert extends Sei {
  id: number;
  pictures: number;
}

const scope = globalThis as unknown as {
  onrtctransform: (event: { transformer: Transformer }) => void;
  postMessage(message: unknown): void;
};

scope.onrtctransform = ({ transformer: { readable, writable, options } }) => {
  const change = options.work === "insert" ? inserting(options.port) : reading(options.port);
  const transform = (picture: Picture, controller: TransformStreamDefaultController<Picture>) => {
    change(picture);
    controller.enqueue(picture);
  };
  readable
    .pipeThrough(new TransformStream({ transform }))
    .pipeTo(writable)
    .catch(() => {}); // the connection is over
};

function inserting(port: MessagePort): (picture: Picture) => void {
  const queue = new SeiQueue();
  port.onmessage = ({ data: { id, pictures, ...message } }: MessageEvent<Insert>) =>
    queue.add(seiUnit(message), pictures, performance.now(), () => port.postMessage(id));
  return (picture) => {
    const units = queue.take(picture.getMetadata().synchronizationSource ?? 0, performance.now());
    const changed = units.length > 0 && insertUnits(new Uint8Array(picture.data), units);
    if (changed) picture.data = changed.buffer;
  };
}

function reading(port: MessagePort): (picture: Picture) => void {
  return (picture) => messagesOf(new Uint8Array(picture.data)).forEach((message) => port.postMessage(message));
}

scope.postMessage("ready");
