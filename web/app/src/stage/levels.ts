/** How loud everybody is, ten times a second, from the sound itself. */

const EVERY = 100;
/** Root mean square from which a voice counts as speaking, and under which it has stopped. */
const SPEAKS = 0.02;
const QUIET = 0.01;
/** A pause between words is not the end of speaking. */
const HOLD = 600;

export interface Level {
  /** 0 to 4: the bars on a name plate. */
  bars: number;
  speaking: boolean;
}

export const silent: Level = { bars: 0, speaking: false };

/** Bars for a root mean square; a step is about 8 dB. */
export function bars(rms: number): number {
  const steps = [0.004, 0.012, 0.03, 0.08];
  return steps.filter((least) => rms >= least).length;
}

/** Remembers one voice: loud at once, quiet only after a pause. */
export class Voice {
  #speaking = false;
  #last = 0;

  hear(rms: number, now: number): boolean {
    if (rms >= (this.#speaking ? QUIET : SPEAKS)) {
      this.#speaking = true;
      this.#last = now;
    } else if (this.#speaking && now - this.#last >= HOLD) this.#speaking = false;
    return this.#speaking;
  }
}

interface Ear {
  track: MediaStreamTrack;
  source: MediaStreamAudioSourceNode;
  analyser: AnalyserNode;
  voice: Voice;
  level: Level;
}

/**
 * Listens to tracks by key. Each listener hears of its own key alone, and only when the bars or the
 * speaking change, so that a busy stage does not draw the whole page ten times a second.
 */
export class Levels {
  readonly #ears = new Map<string, Ear>();
  readonly #told = new Map<string, Set<() => void>>();
  readonly #all = new Set<(loudest: string | undefined, now: number) => void>();
  readonly #buffer = new Float32Array(1024);
  #context: AudioContext | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Follows these tracks from now on and forgets all others. */
  set(tracks: ReadonlyMap<string, MediaStreamTrack>): void {
    for (const [key, ear] of this.#ears) if (tracks.get(key) !== ear.track) this.#forget(key, ear);
    for (const [key, track] of tracks) if (!this.#ears.has(key) && track.readyState === "live") this.#follow(key, track);
    if (this.#ears.size > 0) this.#timer ??= setInterval(() => this.#measure(), EVERY);
    else this.#stop();
  }

  /** Browsers keep sound shut until somebody pressed something; call it then. */
  wake(): void {
    if (this.#context?.state === "suspended") void this.#context.resume().catch(() => undefined);
  }

  level = (key: string): Level => this.#ears.get(key)?.level ?? silent;

  subscribe = (key: string, told: () => void): (() => void) => {
    const set = this.#told.get(key) ?? new Set();
    this.#told.set(key, set.add(told));
    return () => {
      set.delete(told);
      if (set.size === 0) this.#told.delete(key);
    };
  };

  /** Tells at every measurement who is loudest among those who speak. */
  onLoudest(told: (loudest: string | undefined, now: number) => void): () => void {
    this.#all.add(told);
    return () => this.#all.delete(told);
  }

  close(): void {
    this.set(new Map());
    this.#told.clear();
    this.#all.clear();
    void this.#context?.close().catch(() => undefined);
    this.#context = undefined;
  }

  #follow(key: string, track: MediaStreamTrack): void {
    if (typeof AudioContext === "undefined") return;
    this.#context ??= new AudioContext();
    const source = this.#context.createMediaStreamSource(new MediaStream([track]));
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = this.#buffer.length;
    source.connect(analyser);
    this.#ears.set(key, { track, source, analyser, voice: new Voice(), level: silent });
  }

  #forget(key: string, ear: Ear): void {
    ear.source.disconnect();
    this.#ears.delete(key);
    if (ear.level !== silent) for (const told of this.#told.get(key) ?? []) told();
  }

  #measure(): void {
    const now = performance.now();
    let loudest: string | undefined;
    let most = 0;
    for (const [key, ear] of this.#ears) {
      ear.analyser.getFloatTimeDomainData(this.#buffer);
      let sum = 0;
      for (const sample of this.#buffer) sum += sample * sample;
      const rms = ear.track.enabled ? Math.sqrt(sum / this.#buffer.length) : 0;
      const next = { bars: bars(rms), speaking: ear.voice.hear(rms, now) };
      if (next.speaking && rms > most) [loudest, most] = [key, rms];
      if (next.bars === ear.level.bars && next.speaking === ear.level.speaking) continue;
      ear.level = next;
      for (const told of this.#told.get(key) ?? []) told();
    }
    for (const told of this.#all) told(loudest, now);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
