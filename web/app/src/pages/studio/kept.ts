import type { Layout } from "../../mix/layout";
import type { Destination } from "../../stage/realtime";

/** What a reload of the studio's tab must not lose. */
export interface Kept {
  username: string;
  /** When the studio was last seen open, as milliseconds. */
  at: number;
  wanted: Destination | undefined;
  destination: Destination;
  layout: Layout;
  plates: boolean;
  muted: boolean;
  cameraOff: boolean;
}

const KEY = "studio";
/** Who comes back within this time was on the stage a moment ago and goes on by itself. */
const BACK = 5 * 60_000;
/** For this long the channel's picture is opened again by itself; nobody is put on air by an old tab. */
const ON_AIR = 60_000;

export function readKept(username: string, now: number): { onStage: boolean; kept: Kept | undefined } {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") as Kept | null;
    if (!kept || kept.username !== username || typeof kept.at !== "number") return { onStage: false, kept: undefined };
    const away = now - kept.at;
    return {
      onStage: away < BACK,
      kept: { ...kept, wanted: away < ON_AIR ? kept.wanted : undefined },
    };
  } catch {
    return { onStage: false, kept: undefined };
  }
}

export function writeKept(kept: Kept | undefined): void {
  try {
    if (kept) sessionStorage.setItem(KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage a reload starts in the green room.
  }
}
