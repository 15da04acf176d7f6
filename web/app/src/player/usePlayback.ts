import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { Playback, type PlaybackState } from "./playback";

export interface Delay {
  seconds: number;
  /** Far enough behind the place we would rather be that "Go to live" makes sense. */
  behind: boolean;
}

const BEHIND = 2.5;

/** One Playback for one video element, and what the controls need to know of it. */
export function usePlayback(video: RefObject<HTMLVideoElement | null>, url: string) {
  const playback = useRef<Playback>(undefined);
  const [state, setState] = useState<PlaybackState>("loading");
  const [delay, setDelay] = useState<Delay>({ seconds: 0, behind: false });
  const [picture, setPicture] = useState("");

  useEffect(() => {
    const element = video.current;
    if (!element) return;
    setState("loading");
    const player = new Playback({ video: element, url, onState: setState });
    playback.current = player;
    const timer = setInterval(() => {
      const seconds = Math.round(player.latency * 10) / 10;
      const behind = seconds > player.target + BEHIND;
      setDelay((now) => (now.seconds === seconds && now.behind === behind ? now : { seconds, behind }));
      const lines = Math.min(element.videoHeight, element.videoWidth || element.videoHeight);
      const rate = player.frameRate;
      setPicture(lines > 0 ? `${lines}p${rate && rate > 31 ? Math.round(rate) : ""}` : "");
    }, 500);
    return () => {
      clearInterval(timer);
      player.destroy();
      playback.current = undefined;
    };
  }, [video, url]);

  const goLive = useCallback(() => playback.current?.goLive(), []);
  const hurry = useCallback(() => playback.current?.hurry(), []);
  return { state, delay, picture, goLive, hurry };
}
