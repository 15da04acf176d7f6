import { MonitorX } from "lucide-react";
import type { PlaybackState } from "./playback";

interface Props {
  state: PlaybackState;
  live: boolean;
  interrupted: boolean;
  name: string;
}

/** What lies over the picture while there is none, or none that moves. */
export function Curtain({ state, live, interrupted, name }: Props) {
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
    live && interrupted
      ? `${name} lost the connection`
      : state === "loading"
        ? "Getting the picture"
        : live
          ? "Waiting for the stream to come back"
          : "The stream has ended";
  return (
    <div className="curtain" role="status">
      {live ? <span className="spin" aria-hidden="true" /> : null}
      <b className="b">{words}</b>
      {live && (interrupted || state !== "loading") ? (
        <span className="t13">
          {interrupted ? "The show goes on here when it is back." : "It goes on here by itself; nothing to load again."}
        </span>
      ) : null}
    </div>
  );
}
