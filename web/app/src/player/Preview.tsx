import { type RefObject, useEffect, useRef, useState } from "react";
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
  const seen = useSeen(video);

  useEffect(() => {
    const stop = new AbortController();
    api.channel(username, stop.signal).then(
      (channel) => setUrl(asPreview(channel.playbackUrl)),
      () => undefined, // no preview then; the page does not depend on it
    );
    return () => stop.abort();
  }, [username]);

  useEffect(() => {
    const element = video.current;
    if (!url || !element || !seen) return;
    const say = (now: boolean) => {
      setMoving(now);
      onMoving(now);
    };
    const playback = new Playback({ video: element, url, onState: (state) => say(state === "playing") });
    return () => {
      playback.destroy();
      say(false);
    };
  }, [url, seen, onMoving]);

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

/** Says to the server that nobody has decided to watch: a preview is no viewer. */
function asPreview(playbackUrl: string): string {
  const url = new URL(playbackUrl, location.href);
  url.searchParams.set("preview", "1");
  return url.href;
}

/** Whether anybody can see the element: in the window, in a tab that is in front. */
function useSeen(ref: RefObject<Element | null>): boolean {
  const [inView, setInView] = useState(false);
  const [inFront, setInFront] = useState(document.visibilityState === "visible");
  useEffect(() => {
    const watcher = new IntersectionObserver((entries) => setInView(entries.at(-1)?.isIntersecting ?? false));
    watcher.observe(ref.current!);
    const turn = () => setInFront(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", turn);
    return () => {
      watcher.disconnect();
      document.removeEventListener("visibilitychange", turn);
    };
  }, [ref]);
  return inView && inFront;
}
