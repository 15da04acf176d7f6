import type { Layout } from "../mix/layout";

/** The people on a stage as the pages show them, and where each of them goes in the picture. */

export interface Person {
  /** The participant's id: one token, one participant. */
  id: string;
  userId: string;
  name: string;
  host: boolean;
  /** Oneself, in this tab. */
  local: boolean;
  /** May be seen and heard at all; who only watches is on no tile. */
  publisher: boolean;
  /** Picture or sound is on its way to the stage. */
  publishing: boolean;
  audioMuted: boolean;
  videoStopped: boolean;
  hasAudio: boolean;
  hasVideo: boolean;
  /** Always the same object for one person, whatever tracks come and go in it. */
  stream: MediaStream | undefined;
  /** Whether their picture and sound reach this tab. */
  receiving: "none" | "trying" | "on" | "failed";
  /** In which order they came, as this tab saw it. */
  place: number;
}

/** What a tile says about its picture. */
export type TileState = "picture" | "camera-off" | "connecting" | "failed";

export function tileState(person: Person): TileState {
  if (person.receiving === "failed") return "failed";
  if (person.publishing && person.videoStopped) return "camera-off";
  if (person.hasVideo && (person.local || person.publishing)) return "picture";
  // Sound alone is a choice, not a wait.
  if (person.publishing && person.hasAudio && person.receiving !== "trying") return "camera-off";
  return person.local && !person.hasVideo ? "camera-off" : "connecting";
}

/** Who is in the picture: the host first, then as they came. Oneself is in it before the stage has our picture. */
export function onStage(people: readonly Person[]): Person[] {
  return people
    .filter((p) => p.publisher && (p.publishing || p.local || p.hasVideo || p.hasAudio))
    .sort((a, b) => Number(b.host) - Number(a.host) || a.place - b.place);
}

/** How a person mutes: the sign on the tile. Nobody is called muted before they send anything. */
export const isMuted = (p: Person): boolean =>
  p.audioMuted || (!p.hasAudio && (p.local || (p.publishing && p.receiving === "on")));

/**
 * The order of the tiles: screens first, then who is `featured`, then as they stand. In a grid all are alike and
 * only screens come first.
 */
export function arrange(
  people: readonly Person[],
  layout: Layout,
  featured: string | undefined,
  screens: ReadonlySet<string>,
): Person[] {
  const rank = (p: Person) => (screens.has(p.id) ? 0 : layout !== "grid" && p.id === featured ? 1 : 2);
  return [...people].sort((a, b) => rank(a) - rank(b)); // sorting keeps the order of equals
}

/** How long somebody has to speak before they become the large picture, and how long they stay it. */
const TAKES = 700;
const STAYS = 2500;

/**
 * Picks who is large from who speaks. A cough changes nothing: one has to speak for a moment, and whoever
 * was large stays so for a while.
 */
export class Floor {
  #holder: string | undefined;
  #since = 0;
  #rival: string | undefined;
  #rivalSince = 0;

  /** Says who is large now, given the loudest of those who speak. */
  hear(loudest: string | undefined, now: number): string | undefined {
    if (loudest === undefined || loudest === this.#holder) {
      this.#rival = undefined;
      return this.#holder;
    }
    if (this.#rival !== loudest) {
      this.#rival = loudest;
      this.#rivalSince = now;
    }
    const first = this.#holder === undefined;
    if (first || (now - this.#rivalSince >= TAKES && now - this.#since >= STAYS)) {
      this.#holder = loudest;
      this.#since = now;
      this.#rival = undefined;
    }
    return this.#holder;
  }
}

/**
 * A shared screen with its camera inset is sent in this shape, which cameras do not have: so everybody knows from the
 * picture alone that it is to be shown whole, and no word about it has to travel.
 */
export const SCREEN = { width: 1152, height: 720 } as const;

/** Whether a picture has the shape of a shared screen; it may have been made smaller on the way. */
export const looksLikeScreen = (width: number, height: number): boolean =>
  height > 0 && Math.abs(width / height - SCREEN.width / SCREEN.height) < 0.02;
