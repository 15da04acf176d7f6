import { useEffect, useRef, useState } from "react";
import { api } from "../api/endpoints";
import { Playback } from "./playback";

interface Props {
  username: string;
  onMoving: (moving: boolean) => void;
}

/** A silent, moving picture of a live channel, without controls. */
export default function Preview({ username, onMoving }: Props) {
  const video = useRef<HTMLVideoElement>(null);
  const [url, setUrl] = useState<string>();
  const [moving, setMoving] = useState(false);

  useEffect(() => {
    const stop = new AbortController();
    api.channel(username, stop.signal).then(
      (channel) => setUrl(channel.playbackUrl),
      () => undefined, // no preview then; the page does not depend on it
    );
    return () => stop.abort();
  }, [username]);

  useEffect(() => {
    const element = video.current;
    if (!url || !element) return;
    const say = (now: boolean) => {
      setMoving(now);
      onMoving(now);
    };
    const playback = new Playback({ video: element, url, onState: (state) => say(state === "playing") });
    return () => {
      playback.destroy();
      say(false);
    };
  }, [url, onMoving]);

  return (
    <video
      ref={video}
      className={moving ? "is-moving" : undefined}
      muted
      autoPlay
      playsInline
      disablePictureInPicture
      aria-hidden="true"
      tabIndex={-1}
    />
  );
}
