import type { Person } from "./people";
import type { StageState } from "./session";

/** off: nothing to watch · loading: on the way in · playing · waiting: lost, or nobody is in the picture · failed. */
export type WatchState = "off" | "loading" | "playing" | "waiting" | "failed";

/** What the real-time page shows, from what the server says and what the stage does. */
export function watchState(realTime: boolean, state: StageState, people: readonly Person[]): WatchState {
  if (!realTime) return "off";
  switch (state.name) {
    case "failed":
      return state.code === "not-real-time" ? "off" : "failed";
    case "gone":
      return state.why === "deleted" ? "off" : "failed";
    case "back":
      return "waiting";
    case "on":
      if (people.some((p) => p.receiving === "on" || p.hasAudio || p.hasVideo)) return "playing";
      // Some publish and are on their way here; none at all means the host reloads, or is about to go.
      return people.length > 0 ? "loading" : "waiting";
    default:
      return "loading";
  }
}
