/** Loudness as this browser remembers it. */
export interface Volume {
  level: number;
  muted: boolean;
}

const KEY = "volume";

export function readVolume(): Volume {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "null") as Partial<Volume> | null;
    const level = typeof kept?.level === "number" ? Math.min(1, Math.max(0, kept.level)) : 0.8;
    return { level, muted: kept?.muted === true };
  } catch {
    return { level: 0.8, muted: false };
  }
}

export function keepVolume(volume: Volume): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(volume));
  } catch {
    // Forgotten with the page, then.
  }
}
