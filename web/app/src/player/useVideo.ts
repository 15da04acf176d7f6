import { type RefObject, useCallback, useEffect, useState } from "react";
import { type Volume, keepVolume, readVolume } from "./volume";

export interface VideoControls {
  paused: boolean;
  volume: Volume;
  /** The browser refused sound before a gesture: muted by it, not by the person. */
  silenced: boolean;
  togglePlay: () => void;
  setVolume: (volume: Volume) => void;
}

/** Play, pause and sound of a video element, with the browser's rules about sound before a gesture. */
export function useVideo(video: RefObject<HTMLVideoElement | null>): VideoControls {
  const [paused, setPaused] = useState(false);
  const [volume, show] = useState<Volume>(readVolume);
  const [silenced, setSilenced] = useState(false);

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    const kept = readVolume();
    element.volume = kept.level;
    element.muted = kept.muted;
    let wanted = true; // the person has not paused
    const start = async () => {
      if (!wanted) return;
      try {
        await element.play();
      } catch (cause) {
        if (!(cause instanceof DOMException) || cause.name !== "NotAllowedError") return;
        element.muted = true;
        setSilenced(true);
        try {
          await element.play();
        } catch {
          setPaused(true); // not even without sound: the play button remains
        }
      }
    };
    const onPlay = () => {
      wanted = true;
      setPaused(false);
    };
    const onPause = () => {
      // A rebuilt player pauses the element, too; only a pause on pictures is somebody's wish.
      if (element.readyState < 2 || element.ended) return;
      wanted = false;
      setPaused(true);
    };
    const ready = () => void start();
    element.addEventListener("canplay", ready);
    element.addEventListener("play", onPlay);
    element.addEventListener("pause", onPause);
    return () => {
      element.removeEventListener("canplay", ready);
      element.removeEventListener("play", onPlay);
      element.removeEventListener("pause", onPause);
    };
  }, [video]);

  const togglePlay = useCallback(() => {
    const element = video.current;
    if (!element) return;
    if (element.paused) void element.play().catch(() => undefined);
    else element.pause();
  }, [video]);

  const setVolume = useCallback(
    (next: Volume) => {
      const element = video.current;
      if (element) {
        element.volume = next.level;
        element.muted = next.muted;
      }
      setSilenced(false);
      show(next);
      keepVolume(next);
    },
    [video],
  );

  return { paused, volume: silenced ? { ...volume, muted: true } : volume, silenced, togglePlay, setVolume };
}
