import { type SyntheticEvent, useEffect, useRef, useState } from "react";
import { looksLikeScreen } from "./people";

interface Props {
  stream: MediaStream | undefined;
  /** Nothing is heard of it here. */
  muted: boolean;
  /** As in a mirror: people know themselves so. */
  mirrored?: boolean;
  volume?: number;
  /** The browser gives the picture only without its sound until somebody presses something. */
  onSilenced?: (() => void) | undefined;
  /** Told when the picture turns out to be a shared screen, and when it is none any more. */
  onScreen?: ((screen: boolean) => void) | undefined;
  /** Told when there is something to see, and when there is nothing any more. */
  onDrawn?: ((drawn: boolean) => void) | undefined;
  label: string;
}

/** A stream that plays, whatever happens to the element: moved in the page, a track come late, sound refused. */
export function Picture({ stream, muted, mirrored = false, volume = 1, onSilenced, onScreen, onDrawn, label }: Props) {
  const ref = useRef<HTMLVideoElement>(null);
  const [shape, setShape] = useState<"wide" | "upright" | "screen">("wide");
  const told = useRef({ onSilenced, onScreen });
  useEffect(() => {
    told.current = { onSilenced, onScreen };
  });
  const screen = shape === "screen";
  useEffect(() => {
    told.current.onScreen?.(screen);
  }, [screen]);

  useEffect(() => {
    const video = ref.current!;
    video.srcObject = stream ?? null;
    return () => {
      video.srcObject = null;
    };
  }, [stream]);

  useEffect(() => {
    const video = ref.current!;
    video.volume = volume;
    video.muted = muted;
    const play = () => {
      if (!video.srcObject) return;
      void video.play().catch((cause: unknown) => {
        if (!(cause instanceof DOMException) || cause.name !== "NotAllowedError" || video.muted) return;
        video.muted = true;
        told.current.onSilenced?.();
        void video.play().catch(() => undefined);
      });
    };
    const again = () => {
      if (video.isConnected && document.visibilityState === "visible") play();
    };
    play();
    stream?.addEventListener("addtrack", play);
    video.addEventListener("pause", again);
    video.addEventListener("loadedmetadata", play);
    return () => {
      stream?.removeEventListener("addtrack", play);
      video.removeEventListener("pause", again);
      video.removeEventListener("loadedmetadata", play);
    };
  }, [stream, muted, volume]);

  // Sound may come first, so having data is not yet having a picture.
  const drawn = ({ currentTarget }: SyntheticEvent<HTMLVideoElement>) => {
    if (currentTarget.videoWidth > 0) onDrawn?.(true);
  };
  return (
    <video
      ref={ref}
      autoPlay
      playsInline
      aria-label={label}
      data-mirrored={(mirrored && !screen) || undefined}
      data-shape={shape}
      onLoadedData={drawn}
      onTimeUpdate={drawn}
      onEmptied={() => onDrawn?.(false)}
      onResize={({ currentTarget: { videoWidth: width, videoHeight: height } }) =>
        setShape(looksLikeScreen(width, height) ? "screen" : height > width * 1.2 ? "upright" : "wide")
      }
    />
  );
}
