import { startClock } from "./clock";
import { type Layout, type Rect, layout } from "./layout";
import { Pacer } from "./pacer";
import { clear, paint } from "./paint";
import { Picture } from "./picture";
import { SoundMix } from "./sound";

export interface MixerOptions {
  /** Pixels. */
  width: number;
  height: number;
  /** Frames per second. */
  frameRate: number;
}

export interface Source {
  id: string;
  name: string;
  /** Its first video and its first audio track are used; either may be missing. */
  stream: MediaStream;
  muted?: boolean;
  videoStopped?: boolean;
  kind: "camera" | "screen";
  /** From this machine. */
  local?: boolean;
  /** Heard, but given no tile. */
  hidden?: boolean;
}

interface Input {
  source: Source;
  picture: Picture;
  from: Rect;
  to: Rect;
  began: number;
}

/** Tiles beyond these are heard but not seen. */
const MOST_TILES = 16;
/** Tiles take this long to glide to new places, in milliseconds. */
const GLIDE = 260;

/**
 * Draws people and screens into one picture and mixes their voices into one sound, as one stream to send. It goes
 * on at its frame rate in a hidden tab, too, as far as the browser lets it. Sources may come, go and change at any
 * time; one that stays is not disturbed. Screens come first, then the others in the order given: the first has the
 * large place.
 */
export class Mixer {
  readonly canvas: HTMLCanvasElement;
  /** The picture and the mixed sound. Its two tracks stay the same until the mixer is closed. */
  readonly stream: MediaStream;
  readonly #context: CanvasRenderingContext2D;
  readonly #sound = new SoundMix();
  readonly #inputs = new Map<string, Input>();
  readonly #pacer: Pacer;
  readonly #stopClock: () => void;
  #order: Input[] = [];
  #layout: Layout = "grid";
  #plates = false;
  #closed = false;

  constructor({ width, height, frameRate }: MixerOptions) {
    this.canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = this.canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser gives no canvas to draw on");
    this.#context = context;
    clear(context, width, height);
    // A frame for each drawing: the pacer keeps the rate, and a second clock beside it would lose some.
    this.stream = new MediaStream([this.canvas.captureStream().getVideoTracks()[0]!, this.#sound.track]);
    this.#pacer = new Pacer(frameRate);
    // Twice as fast as the picture: the pacer picks the ticks that are due.
    this.#stopClock = startClock(500 / frameRate, () => this.#tick("clock"));
  }

  setSources(sources: readonly Source[]): void {
    if (this.#closed) return;
    const ids = new Set(sources.map((source) => source.id));
    for (const [id, input] of this.#inputs) {
      if (ids.has(id)) continue;
      input.picture.close();
      this.#inputs.delete(id);
    }
    for (const source of sources) {
      let input = this.#inputs.get(source.id);
      if (!input) {
        const nowhere = { x: 0, y: 0, width: 0, height: 0 };
        input = { source, picture: new Picture(() => this.#tick("frame")), from: nowhere, to: nowhere, began: 0 };
        this.#inputs.set(source.id, input);
      }
      input.source = source;
      input.picture.set(source.hidden || source.videoStopped ? undefined : liveTrack(source.stream.getVideoTracks()));
    }
    this.#sound.set(
      sources.map(({ id, stream, muted = false, local = false }) => ({
        id,
        track: liveTrack(stream.getAudioTracks()),
        muted,
        local,
      })),
    );
    const inputs = sources.map((source) => this.#inputs.get(source.id)!).filter((input) => !input.source.hidden);
    this.#order = [
      ...inputs.filter((input) => input.source.kind === "screen"),
      ...inputs.filter((input) => input.source.kind !== "screen"),
    ].slice(0, MOST_TILES);
    const [video] = this.stream.getVideoTracks();
    // Encoders keep text sharp or motion even, whichever they are told.
    if (video) video.contentHint = this.#order[0]?.source.kind === "screen" ? "detail" : "motion";
    this.#place();
  }

  setLayout(kind: Layout): void {
    if (kind === this.#layout) return;
    this.#layout = kind;
    this.#place();
  }

  setNamePlates(on: boolean): void {
    this.#plates = on;
  }

  /** Starts the sound where the browser wants a gesture first: call it from a click. */
  resume(): void {
    this.#sound.resume();
  }

  /** Ends both tracks and lets go of all. The sources' own tracks are left alone. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopClock();
    for (const input of this.#inputs.values()) input.picture.close();
    this.#inputs.clear();
    this.#order = [];
    this.#sound.close();
    for (const track of this.stream.getTracks()) track.stop();
    this.canvas.width = this.canvas.height = 0; // frees its memory at once
  }

  #place(): void {
    const now = performance.now();
    const places = layout(this.#layout, this.#order.length, this.canvas.width, this.canvas.height);
    this.#order.forEach((input, i) => {
      const place = places[i]!;
      if (same(place, input.to)) return;
      input.from = input.to.width === 0 ? place : this.#where(input, now); // who is new is simply there
      input.to = place;
      input.began = now;
    });
  }

  #where({ from, to, began }: Input, now: number): Rect {
    const t = Math.min(1, Math.max(0, (now - began) / GLIDE));
    if (t === 1) return to;
    const eased = 1 - (1 - t) ** 3;
    const between = (a: number, b: number) => a + (b - a) * eased;
    return {
      x: between(from.x, to.x),
      y: between(from.y, to.y),
      width: between(from.width, to.width),
      height: between(from.height, to.height),
    };
  }

  #tick(by: "frame" | "clock"): void {
    const now = performance.now();
    if (this.#closed || !this.#pacer.due(now, by)) return;
    const { width, height } = this.canvas;
    clear(this.#context, width, height);
    this.#order.forEach((input, i) => {
      const place = this.#where(input, now);
      const { name, kind, muted = false } = input.source;
      paint(this.#context, { name, kind, muted, video: input.picture.video }, place, {
        height,
        plates: this.#plates,
        raised: this.#layout === "inset" && i > 0,
        whole: place.width >= width && place.height >= height,
      });
    });
  }
}

const liveTrack = (tracks: MediaStreamTrack[]): MediaStreamTrack | undefined =>
  tracks.find((track) => track.readyState === "live");

const same = (a: Rect, b: Rect): boolean => a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
