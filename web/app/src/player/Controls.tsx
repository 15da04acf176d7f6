import {
  Maximize,
  Minimize,
  Pause,
  PictureInPicture2,
  Play,
  RectangleHorizontal,
  Volume1,
  Volume2,
  VolumeX,
} from "lucide-react";
import { type CSSProperties, useSyncExternalStore } from "react";
import { delay as delayWords } from "../ui/format";
import type { PlaybackState } from "./playback";
import type { Delay } from "./usePlayback";
import type { VideoControls } from "./useVideo";

interface Props extends VideoControls {
  state: PlaybackState;
  delay: Delay;
  picture: string;
  theatre: boolean;
  onGoLive: () => void;
  onTheatre: () => void;
  onFullScreen: () => void;
  onPictureInPicture: () => void;
}

export function Controls(props: Props) {
  const { state, delay, picture, paused, volume, setVolume, togglePlay, theatre } = props;
  const full = useFullScreen();
  const silent = volume.muted || volume.level === 0;
  const percent = silent ? 0 : Math.round(volume.level * 100);
  const Loudness = silent ? VolumeX : volume.level < 0.5 ? Volume1 : Volume2;
  const late = delay.behind || paused;
  const words = delayWords(delay.seconds);
  const known = state === "playing" && delay.seconds > 0;
  return (
    <div className="ctl">
      <div className="ctl-row">
        <button
          type="button"
          className="cb"
          aria-label={paused ? "Play (k)" : "Pause (k)"}
          data-tip={paused ? "Play · k" : "Pause · k"}
          onClick={togglePlay}
        >
          {paused ? <Play className="i i-fill" /> : <Pause className="i i-fill" />}
        </button>
        <button
          type="button"
          className="cb"
          aria-label={silent ? "Unmute (m)" : "Mute (m)"}
          data-tip={silent ? "Unmute · m" : "Mute · m"}
          onClick={() => setVolume(volume.level === 0 ? { level: 0.5, muted: false } : { ...volume, muted: !volume.muted })}
        >
          <Loudness className="i" />
        </button>
        <input
          className="range vol"
          type="range"
          min={0}
          max={100}
          step={5}
          aria-label="Volume"
          aria-valuetext={`${percent} percent`}
          value={percent}
          style={{ "--v": `${percent}%` } as CSSProperties}
          onChange={(event) => setVolume({ level: event.target.valueAsNumber / 100, muted: event.target.valueAsNumber === 0 })}
        />
        <button
          type="button"
          className="cb cb-live"
          data-late={late || undefined}
          aria-label={late ? `Go to live (l), now ${words} behind` : `Live, ${words} behind`}
          data-tip={late ? "Go to live · l" : "At the live edge"}
          onClick={props.onGoLive}
        >
          <span className="dot" aria-hidden="true" />
          {late ? "Go to live" : "Live"}
        </button>
        <span className="cb-soft cb-text num" data-tip="Behind the live edge" aria-hidden="true">
          {known ? words : ""}
        </span>
        <span className="grow" />
        {picture ? <span className="cb-soft cb-text num not-phone">{picture}</span> : null}
        {document.pictureInPictureEnabled ? (
          <button
            type="button"
            className="cb not-phone"
            aria-label="Picture in picture (i)"
            data-tip="Picture in picture · i"
            onClick={props.onPictureInPicture}
          >
            <PictureInPicture2 className="i" />
          </button>
        ) : null}
        <button
          type="button"
          className="cb cb-theatre"
          aria-label="Theatre (t)"
          aria-pressed={theatre}
          data-tip="Theatre · t"
          onClick={props.onTheatre}
        >
          <RectangleHorizontal className="i" />
        </button>
        <button
          type="button"
          className="cb"
          aria-label={full ? "Leave full screen (f)" : "Full screen (f)"}
          data-tip={full ? "Leave full screen · f" : "Full screen · f"}
          data-tip-end=""
          onClick={props.onFullScreen}
        >
          {full ? <Minimize className="i" /> : <Maximize className="i" />}
        </button>
      </div>
    </div>
  );
}

function useFullScreen(): boolean {
  return useSyncExternalStore(
    (told) => {
      document.addEventListener("fullscreenchange", told);
      return () => document.removeEventListener("fullscreenchange", told);
    },
    () => document.fullscreenElement !== null,
  );
}
