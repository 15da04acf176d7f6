import { type Emitter, report } from "./emitter.js";
import type { StageEventPayloads } from "./events.js";
import type { Frame } from "./frames.js";
import { InitialLayerPreference, type StageStreamLayer } from "./layer.js";
import type { StageParticipantInfo } from "./participant.js";
import type { StageStrategy } from "./strategy.js";
import type { RemoteStageStream } from "./streams.js";

/** The server takes 20 frames a second. */
const SAY_EVERY = 100;

/** How large a picture is to be at most. */
interface Bound {
  maxWidth: number;
  maxHeight: number;
}

interface Shown {
  participant: StageParticipantInfo;
  stream: RemoteStageStream;
}

export interface LayeringOptions {
  strategy: () => StageStrategy;
  events: Emitter<StageEventPayloads>;
  /** Says something on the events socket. */
  send: (type: string, payload: object) => void;
}

/** What the server tells of the layers of the pictures that we receive, and what it is told of those that are preferred. */
export class Layering {
  readonly #options: LayeringOptions;
  /** By participant, as are the others. What comes before its stream does is kept for that. */
  readonly #heard = new Map<string, Frame & { type: "LAYERS" }>();
  readonly #shown = new Map<string, Shown>();
  /** What was said, or will be in a moment. */
  readonly #bounds = new Map<string, Bound | undefined>();
  readonly #due = new Set<string>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #saidAt = -Infinity;

  constructor(options: LayeringOptions) {
    this.#options = options;
  }

  hear(frame: Frame & { type: "LAYERS" }): void {
    this.#heard.set(frame.participantId, frame);
    this.#tell(frame.participantId);
  }

  /** Tells of streams that came, and then of their layers. */
  added(participant: StageParticipantInfo, streams: RemoteStageStream[]): void {
    this.#options.events.emit("stageParticipantStreamsAdded", participant, streams);
    const stream = streams.find(({ streamType }) => streamType === "video");
    if (!stream) return;
    this.#shown.set(participant.id, { participant, stream });
    this.#tell(participant.id);
  }

  removed(participant: StageParticipantInfo, streams: RemoteStageStream[]): void {
    if (streams.some((stream) => stream === this.#shown.get(participant.id)?.stream)) this.#shown.delete(participant.id);
    this.#options.events.emit("stageParticipantStreamsRemoved", participant, streams);
  }

  /** The participant does not publish any more; when it does again, all is asked anew. */
  forget(id: string): void {
    this.#heard.delete(id);
    this.#bound(id, undefined);
  }

  /** The strategy may prefer something else now. */
  refresh(): void {
    for (const shown of [...this.#shown.values()]) this.#ask(shown);
  }

  /** A new events socket: the server may not know what we prefer. */
  welcome(): void {
    for (const id of this.#bounds.keys()) this.#due.add(id);
    this.#say();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#due.clear();
    this.#shown.clear();
  }

  #tell(id: string): void {
    const [frame, shown] = [this.#heard.get(id), this.#shown.get(id)];
    if (!frame || !shown) return;
    const { events } = this.#options;
    const { participant, stream } = shown;
    const [before, selected] = [stream.getLayers(), stream.getSelectedLayer()?.label];
    stream.offer.layers = frame.layers.map((layer) => ({ ...layer, selected: layer.label === frame.selected }));
    if (differ(before, stream.getLayers())) {
      events.emit("stageStreamLayersChanged", participant, stream, stream.getLayers());
      stream.emit("layersChanged", stream.getLayers());
    }
    const now = stream.getSelectedLayer();
    if (now && now.label !== selected && this.#shown.get(id) === shown) {
      events.emit("stageStreamLayerSelected", participant, stream, now, frame.reason);
      stream.emit("layerSelected", now, frame.reason);
    }
    this.#ask(shown);
  }

  /** Asks the strategy for a layer, and has the server send that. */
  #ask(shown: Shown): void {
    const { participant, stream } = shown;
    if (this.#shown.get(participant.id) !== shown) return;
    const layers = stream.getLayers();
    let layer: StageStreamLayer | undefined;
    try {
      const preferred = layers.length > 0 ? this.#options.strategy().preferredLayerForStream?.(participant, stream) : undefined;
      const label = typeof preferred === "string" ? preferred : preferred?.label;
      layer = layers.find((one) => one.label === label);
    } catch (error) {
      report(error);
      return; // it stays as it is
    }
    this.#bound(participant.id, layer && { maxWidth: layer.width, maxHeight: layer.height });
    const adapting = layers.length > 0 && !layer;
    if (stream.isAdapting === adapting) return;
    stream.offer.adapting = adapting;
    this.#options.events.emit("stageStreamAdaptionChanged", participant, stream, adapting);
    stream.emit("adaptionChanged", adapting);
  }

  #bound(id: string, bound: Bound | undefined): void {
    const before = this.#bounds.get(id);
    if (before?.maxWidth === bound?.maxWidth && before?.maxHeight === bound?.maxHeight) return;
    this.#bounds.set(id, bound);
    this.#due.add(id);
    this.#say();
  }

  /** Tells the server what there is to say: soon, and not too often. */
  #say(): void {
    if (this.#timer !== undefined || this.#due.size === 0) return;
    const wait = Math.max(0, this.#saidAt + SAY_EVERY - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      for (const participantId of [...this.#due].slice(0, 1)) {
        this.#due.delete(participantId);
        this.#saidAt = performance.now();
        this.#options.send("PREFER", { participantId, ...this.#bounds.get(participantId) });
      }
      this.#say();
    }, wait);
  }
}

function differ(a: readonly StageStreamLayer[], b: readonly StageStreamLayer[]): boolean {
  const text = (layers: readonly StageStreamLayer[]) => JSON.stringify(layers.map((layer) => ({ ...layer, selected: false })));
  return text(a) !== text(b);
}

/** What a participant's picture is to begin with. */
export function initialOf(strategy: StageStrategy, participant: StageParticipantInfo): InitialLayerPreference {
  return (
    strategy.subscribeConfiguration?.(participant)?.simulcast?.initialLayerPreference ?? InitialLayerPreference.LOWEST_QUALITY
  );
}
