import { Unplug, VolumeX } from "lucide-react";
import { type KeyboardEvent, type PointerEvent, useCallback, useEffect, useRef, useState } from "react";
import { LiveBadge, ViewersPlate } from "../ui/marks";
import { Controls } from "./Controls";
import { Curtain } from "./Curtain";
import { usePlayback } from "./usePlayback";
import { useVideo } from "./useVideo";
import "./player.css";

interface Props {
  url: string;
  name: string;
  /** What the server says; the picture may go on a little longer than that. */
  live: boolean;
  /** Nothing comes from the streamer now; the service may show something in place of it. */
  interrupted: boolean;
  startedAt: string | null | undefined;
  viewers: number;
  theatre: boolean;
  onTheatre: () => void;
  /** The stream is over and its last picture has been shown. */
  onOver: () => void;
}

const IDLE = 3000;

export function Player({ url, name, live, interrupted, startedAt, viewers, theatre, onTheatre, onOver }: Props) {
  const region = useRef<HTMLDivElement>(null);
  const video = useRef<HTMLVideoElement>(null);
  const { state, delay, picture, goLive, hurry } = usePlayback(video, url);
  const controls = useVideo(video);
  const { paused, volume, silenced, togglePlay, setVolume } = controls;
  const [idle, wake] = useIdle(!paused);

  // The live feed knows of a new stream before the next retry would.
  useEffect(() => {
    if (live) hurry();
  }, [live, startedAt, hurry]);

  const over = !live && (state === "ended" || state === "retrying" || state === "loading");
  useEffect(() => {
    if (!over) return;
    const timer = setTimeout(onOver, 600);
    return () => clearTimeout(timer);
  }, [over, onOver]);

  const fullScreen = useCallback(() => {
    if (document.fullscreenElement) void document.exitFullscreen();
    else if (region.current?.requestFullscreen) void region.current.requestFullscreen().catch(() => undefined);
    else (video.current as (HTMLVideoElement & { webkitEnterFullscreen?: () => void }) | null)?.webkitEnterFullscreen?.();
  }, []);
  const pictureInPicture = useCallback(() => {
    if (document.pictureInPictureElement) void document.exitPictureInPicture();
    else void video.current?.requestPictureInPicture?.().catch(() => undefined);
  }, []);
  const catchUp = useCallback(() => {
    goLive();
    if (video.current?.paused) togglePlay();
  }, [goLive, togglePlay]);

  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as HTMLElement;
    const own = target.tagName === "INPUT" || (target.tagName === "BUTTON" && (event.key === " " || event.key === "Enter"));
    const louder = (by: number) =>
      setVolume({ level: Math.min(1, Math.max(0, Math.round((volume.level + by) * 100) / 100)), muted: false });
    const keys: Record<string, () => void> = {
      " ": togglePlay,
      k: togglePlay,
      m: () => setVolume({ ...volume, muted: !volume.muted }),
      f: fullScreen,
      t: onTheatre,
      i: pictureInPicture,
      l: catchUp,
      ArrowUp: () => louder(0.05),
      ArrowDown: () => louder(-0.05),
    };
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    wake();
    if (!act || own) return;
    event.preventDefault();
    act();
  };

  const onPointer = (event: PointerEvent) => {
    if (event.pointerType !== "touch") wake();
  };
  const onPictureClick = () => {
    region.current?.focus({ preventScroll: true });
    // A finger first brings the controls back; a mouse has them already.
    if (matchMedia("(hover: hover)").matches) togglePlay();
    else wake();
  };

  return (
    <div
      ref={region}
      className="player"
      role="region"
      aria-label="Player"
      tabIndex={-1}
      data-idle={idle || undefined}
      data-state={state}
      onKeyDown={onKey}
      onPointerMove={onPointer}
      onFocus={wake}
    >
      {/* biome-ignore: captions arrive with transcription; live pictures have none of their own yet */}
      <video ref={video} playsInline onClick={onPictureClick} onDoubleClick={fullScreen} />
      <Curtain state={state} live={live} interrupted={interrupted} name={name} />
      <p className="interrupted" role="status">
        {live && interrupted && state === "playing" ? <Interrupted name={name} /> : null}
      </p>
      <div className="top">
        {live ? <LiveBadge large /> : null}
        {live ? <ViewersPlate viewers={viewers} /> : null}
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
      <Controls
        {...controls}
        state={state}
        delay={delay}
        picture={picture}
        theatre={theatre}
        onGoLive={catchUp}
        onTheatre={onTheatre}
        onFullScreen={fullScreen}
        onPictureInPicture={pictureInPicture}
      />
    </div>
  );
}

/** Over the picture, which may be one of ours in place of the streamer's. */
function Interrupted({ name }: { name: string }) {
  return (
    <span>
      <Unplug className="i" aria-hidden="true" />
      <span>
        <b>{name} lost the connection.</b> The show goes on here when it is back.
      </span>
    </span>
  );
}

/** Whether nothing moved for three seconds; never while paused. */
function useIdle(allowed: boolean): [boolean, () => void] {
  const [idle, setIdle] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const wake = useCallback(() => {
    setIdle(false);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setIdle(true), IDLE);
  }, []);
  useEffect(() => {
    wake();
    return () => clearTimeout(timer.current);
  }, [wake]);
  return [idle && allowed, wake];
}
