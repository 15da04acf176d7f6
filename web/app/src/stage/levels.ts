import { meter } from "../devices/level";

/** From this many bars on a voice counts as speaking. */
const SPEAKS = 2;
/** A pause between words is not the end of speaking. */
const HOLD = 600;

export interface Sound {
  /** 0 to 4: the bars on a name plate. */
  bars: number;
  speaking: boolean;
}

export const silence: Sound = { bars: 0, speaking: false };

interface Ear {
  track: MediaStreamTrack;
  stop: () => void;
  sound: Sound;
  quiet: ReturnType<typeof setTimeout> | undefined;
}

type Meter = (track: MediaStreamTrack, onLevel: (level: number) => void) => () => void;

/**
 * How loud everybody is. Each listener hears of its own key alone, and only when the bars or the speaking
 * change, so that a busy stage does not draw the whole page ten times a second.
 */
export class Levels {
  readonly #ears = new Map<string, Ear>();
  readonly #told = new Map<string, Set<() => void>>();
  readonly #meter: Meter;

  constructor(measure: Meter = meter) {
    this.#meter = measure;
  }

  /** Follows these tracks from now on and forgets all others. */
  set(tracks: ReadonlyMap<string, MediaStreamTrack>): void {
    for (const [key, ear] of this.#ears) if (tracks.get(key) !== ear.track) this.#forget(key, ear);
    for (const [key, track] of tracks) if (!this.#ears.has(key) && track.readyState === "live") this.#follow(key, track);
  }

  sound = (key: string): Sound => this.#ears.get(key)?.sound ?? silence;

  /** Who is loudest among those who speak. */
  loudest(): string | undefined {
    let found: string | undefined;
    let most = -1;
    for (const [key, { sound }] of this.#ears) if (sound.speaking && sound.bars > most) [found, most] = [key, sound.bars];
    return found;
  }

  subscribe = (key: string, told: () => void): (() => void) => {
    const set = this.#told.get(key) ?? new Set();
    this.#told.set(key, set.add(told));
    return () => {
      set.delete(told);
      if (set.size === 0) this.#told.delete(key);
    };
  };

  close(): void {
    this.set(new Map());
    this.#told.clear();
  }

  #follow(key: string, track: MediaStreamTrack): void {
    const ear: Ear = { track, stop: () => undefined, sound: silence, quiet: undefined };
    this.#ears.set(key, ear);
    try {
      ear.stop = this.#meter(track, (level) => this.#hear(key, ear, level));
    } catch {
      // No audio engine here: everybody is merely shown as silent.
    }
  }

  #forget(key: string, ear: Ear): void {
    ear.stop();
    clearTimeout(ear.quiet);
    this.#ears.delete(key);
    if (ear.sound !== silence) this.#tell(key);
  }

  #hear(key: string, ear: Ear, bars: number): void {
    if (bars >= SPEAKS) {
      clearTimeout(ear.quiet);
      ear.quiet = undefined;
      this.#be(key, ear, { bars, speaking: true });
      return;
    }
    if (ear.sound.speaking) ear.quiet ??= setTimeout(() => this.#be(key, ear, { ...ear.sound, speaking: false }), HOLD);
    this.#be(key, ear, { bars, speaking: ear.sound.speaking });
  }

  #be(key: string, ear: Ear, sound: Sound): void {
    if (!sound.speaking) ear.quiet = undefined;
    if (sound.bars === ear.sound.bars && sound.speaking === ear.sound.speaking) return;
    ear.sound = sound;
    this.#tell(key);
  }

  #tell(key: string): void {
    for (const told of this.#told.get(key) ?? []) told();
  }
}
