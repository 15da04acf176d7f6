import { CircleAlert, Maximize, Minimize, RotateCw, Volume1, Volume2, VolumeX, Zap } from "lucide-react";
import {
  type CSSProperties,
  type KeyboardEvent,
  useCallback,
  useEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import { api } from "../../api/endpoints";
import { type Volume, keepVolume, readVolume } from "../../player/volume";
import { onStage } from "../../stage/people";
import type { StageState } from "../../stage/session";
import { Tiles, useScreens } from "../../stage/Tiles";
import { useLevels, useStage } from "../../stage/useStage";
import { type WatchState, watchState } from "../../stage/watching";
import { LiveBadge } from "../../ui/marks";
import "../../player/player.css";
import "./realtime.css";

interface Props {
  username: string;
  /** The stage says that there is nothing to watch (any more). */
  onOver: () => void;
}

/** The stage for those who watch: everybody in one picture, one sound. */
export function RealTimePlayer({ username, onOver }: Props) {
  const region = useRef<HTMLDivElement>(null);
  const [session, view] = useStage((signal, refused) => api.stageToken(username, signal, refused), {
    shared: true,
  });
  const people = useMemo(() => onStage(view.people).filter((p) => !p.local), [view.people]);
  const levels = useLevels(people);
  const [screens, onScreen] = useScreens();
  const state = watchState(true, view.state, people);

  const over = useRef(onOver);
  useEffect(() => {
    over.current = onOver;
  });
  useEffect(() => {
    if (state === "off") over.current();
  }, [state]);

  const [volume, setVolumeState] = useState(readVolume);
  // The browser's refusal of sound is not the person's wish to be remembered.
  const [silenced, setSilenced] = useState(false);
  const silent = volume.muted || silenced || volume.level === 0;
  const setVolume = useCallback((next: Volume) => {
    setSilenced(false);
    setVolumeState(next);
    keepVolume(next);
  }, []);
  const toggleSound = () =>
    setVolume(silent ? { level: Math.max(volume.level, 0.3), muted: false } : { ...volume, muted: true });

  const full = useFullScreen();
  const fullScreen = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void region.current?.requestFullscreen?.().catch(() => undefined);
  }, []);

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const acts: Record<string, () => void> = { m: toggleSound, f: fullScreen };
    const act = acts[event.key.toLowerCase()];
    if (!act || target.tagName === "INPUT") return;
    event.preventDefault();
    act();
  };

  const percent = silent ? 0 : Math.round(volume.level * 100);
  const Loudness = silent ? VolumeX : volume.level < 0.5 ? Volume1 : Volume2;
  return (
    <div
      ref={region}
      className="player real-time"
      role="region"
      aria-label="Player"
      tabIndex={-1}
      data-state={state}
      data-way="realtime"
      data-sound={silent ? "off" : "on"}
      onKeyDown={onKey}
    >
      <Tiles
        people={people}
        levels={levels}
        layout="grid"
        screens={screens}
        onScreen={onScreen}
        silent={silent}
        volume={volume.level}
        onSilenced={() => setSilenced(true)}
      />
      <Curtain state={state} stage={view.state} name={username} onAgain={() => session.join()} />
      <div className="top">
        <LiveBadge large />
        <span className="plate">
          <Zap className="i" />
          Real time
        </span>
      </div>
      {silenced && state === "playing" ? (
        <button
          type="button"
          className="unmute"
          onClick={() => setVolume({ level: Math.max(volume.level, 0.3), muted: false })}
        >
          <VolumeX className="i" />
          Turn sound on
        </button>
      ) : null}
      <div className="ctl">
        <div className="ctl-row">
          <button
            type="button"
            className="cb"
            aria-label={silent ? "Unmute (m)" : "Mute (m)"}
            data-tip={silent ? "Unmute · m" : "Mute · m"}
            onClick={toggleSound}
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
            onChange={({ target: { valueAsNumber: v } }) => setVolume({ level: v / 100, muted: v === 0 })}
          />
          <span className="grow" />
          <button
            type="button"
            className="cb"
            aria-label={full ? "Leave full screen (f)" : "Full screen (f)"}
            data-tip={full ? "Leave full screen · f" : "Full screen · f"}
            data-tip-end=""
            onClick={fullScreen}
          >
            {full ? <Minimize className="i" /> : <Maximize className="i" />}
          </button>
        </div>
      </div>
    </div>
  );
}

interface CurtainProps {
  state: WatchState;
  stage: StageState;
  name: string;
  onAgain: () => void;
}

/** Over the picture while there is none, or none that moves. */
function Curtain({ state, stage, name, onAgain }: CurtainProps) {
  if (state === "playing" || state === "off") return null;
  if (state === "failed")
    return (
      <div className="curtain" role="alert">
        <CircleAlert className="i i-lg" />
        <b className="b">
          {stage.name !== "gone"
            ? "The stage did not open"
            : stage.why === "removed"
              ? "You were disconnected"
              : "You watch this elsewhere"}
        </b>
        <span className="t13">
          {stage.name === "gone"
            ? stage.why === "removed"
              ? `${name} took you off the stage’s audience.`
              : "Another tab or device took your seat."
            : stage.name === "failed"
              ? stage.message
              : "Try again in a moment."}
        </span>
        <button type="button" className="btn curtain-again" onClick={onAgain}>
          <RotateCw className="i" />
          {stage.name === "gone" ? "Watch here" : "Try again"}
        </button>
      </div>
    );
  const trouble = stage.name === "joining" || stage.name === "back" ? stage.trouble : undefined;
  return (
    <div className="curtain" role="status">
      <span className="spin" aria-hidden="true" />
      <b className="b">
        {state === "loading"
          ? "Getting the picture"
          : stage.name === "back"
            ? "Connection lost. Coming back…"
            : `Waiting for ${name} to come back`}
      </b>
      <span className="t13">{trouble ?? (state === "waiting" ? "It goes on here by itself; nothing to load again." : "")}</span>
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
