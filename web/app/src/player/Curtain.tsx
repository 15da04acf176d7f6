import { MonitorX } from "lucide-react";
import type { PlaybackState } from "./playback";

/** What lies over the picture while there is none, or none that moves. */
export function Curtain({ state, live, name }: { state: PlaybackState; live: boolean; name: string }) {
  if (state === "playing") return null;
  if (state === "unsupported") {
    return (
      <div className="curtain" role="status">
        <MonitorX className="i i-lg" />
        <b className="b">This browser cannot play the stream</b>
        <span className="t13">
          {name} sends H.264 video with AAC sound, or Opus from a browser, which older Apple devices do not know. Another
          browser or device may play it.
        </span>
      </div>
    );
  }
  const words =
    state === "loading" ? "Getting the picture" : !live ? "The stream has ended" : "Waiting for the stream to come back";
  return (
    <div className="curtain" role="status">
      {live ? <span className="spin" aria-hidden="true" /> : null}
      <b className="b">{words}</b>
      {state !== "loading" && live ? <span className="t13">It goes on here by itself; nothing to load again.</span> : null}
    </div>
  );
}
