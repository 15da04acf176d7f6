import type { Advice, Doing } from "../src/api/types";

const advice: Advice[] = [
  {
    code: "LongKeyframeInterval",
    severity: "WARNING",
    since: new Date(Date.now() - 90_000).toISOString(),
    message: "Key frames come 8.3 s apart, so viewers wait long for their first picture and lag behind.",
    remedy: "OBS → Settings → Output → Keyframe Interval: 2 s",
  },
  {
    code: "BFrames",
    severity: "HINT",
    since: new Date(Date.now() - 90_000).toISOString(),
    message:
      "The encoder sends B-frames: pictures come in another order than they are shown, which costs delay, and browsers cannot show them in real time.",
    remedy: "OBS → Settings → Output → Streaming → B-Frames: 0 (with x264, Tune: zerolatency)",
  },
];

/** Ten minutes with a dip; `mock-health` asks for another state: bad, starving, waiting, young, absent. */
export function streamHealth(live: boolean, how: string | undefined): Doing {
  if (how === "absent") return { available: false, stream: null, wait: null, history: null };
  if (!live) return { available: true, stream: null, wait: null, history: null };
  const now = Math.floor(Date.now() / 5000) * 5;
  const times = Array.from({ length: how === "young" ? 4 : 120 }, (_, i) => now - ((how === "young" ? 4 : 120) - i) * 5);
  const noise = (i: number, n: number) => ((Math.sin(i * 12.9898 + n) * 43758.5453) % 1) * 0.5;
  const dip = (i: number) => (i > 74 && i < 81 ? 0.62 : 1);
  const bad = how === "bad";
  const starving = how === "starving" || how === "waiting";
  return {
    available: true,
    stream: {
      streamId: "st-mock",
      startTime: new Date(Date.now() - 3600_000).toISOString(),
      health: starving ? "STARVING" : "HEALTHY",
      viewerCount: 412,
      encoder: "obs-output module (libobs version 29.0.2)",
      advice: bad ? advice : [],
    },
    wait: how === "waiting" ? 23 : null,
    history: {
      times,
      bitrate: times.map((_, i) => (starving && i > 114 ? 0 : (6.1e6 + noise(i, 1) * 5e5) * dip(i))),
      frameRate: times.map((_, i) => (starving && i > 114 ? 0 : Math.round(60 * (dip(i) < 1 ? 0.8 : 1) + noise(i, 2)))),
      keyframes: times.map((_, i) => (starving && i > 114 ? null : bad ? 8.33 : 2 + noise(i, 3) * 0.02)),
      viewers: times.map((_, i) => Math.round(300 + i + noise(i, 4) * 30)),
    },
  };
}
