/** How loud a track is, as the four bars show it: 0 is silence, 4 is loud. */

/** From this many dBFS (RMS) on a bar is lit: a quiet room, quiet speech, speech, loud speech. */
const BARS = [-52, -40, -30, -20];

/** RMS of samples between −1 and 1 in dBFS. */
function loudness(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i]! * samples[i]!;
  return 10 * Math.log10(sum / Math.max(1, samples.length));
}

/** RMS of samples between −1 and 1 as a number of bars. */
export function bars(samples: ArrayLike<number>): number {
  const db = loudness(samples);
  return BARS.filter((from) => db >= from).length;
}

/** How many steps `steps` has, each 2.5 dB: where somebody looks at nothing else, four bars are too few. */
export const STEPS = 20;

/** The same as a number of steps from 0 to 20; speech lights about half of them. */
export function steps(samples: ArrayLike<number>): number {
  return Math.min(STEPS, Math.max(0, Math.round((loudness(samples) + 60) / 2.5)));
}

let shared: { context: AudioContext; users: number } | undefined;

/** One audio context for all meters of a page: browsers allow few. */
function borrow(): AudioContext {
  shared ??= { context: new AudioContext(), users: 0 };
  shared.users++;
  return shared.context;
}

function giveBack(): void {
  if (!shared || --shared.users > 0) return;
  void shared.context.close().catch(() => undefined);
  shared = undefined;
}

/**
 * Tells the level of an audio track until the returned function is called: twelve times a second, once when the
 * system asks for less motion, not at all while nobody looks. Before the first click in a page browsers may keep
 * it at 0.
 */
export function meter(track: MediaStreamTrack, onLevel: (level: number) => void, scale = bars): () => void {
  const context = borrow();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const wake = () => void context.resume().catch(() => undefined);
  wake();
  addEventListener("pointerdown", wake);
  addEventListener("keydown", wake);
  let shown = -1;
  let falling = 0;
  const timer = setInterval(
    () => {
      if (document.visibilityState === "hidden") return;
      analyser.getFloatTimeDomainData(samples);
      const level = track.enabled ? scale(samples) : 0;
      falling = calm ? level : Math.max(level, falling - (scale === bars ? 0.5 : 1)); // up at once, down gently: no flicker
      const next = Math.ceil(falling);
      if (next === shown) return;
      shown = next;
      onLevel(next);
    },
    calm ? 1000 : 80,
  );
  return () => {
    clearInterval(timer);
    removeEventListener("pointerdown", wake);
    removeEventListener("keydown", wake);
    source.disconnect();
    giveBack();
  };
}
