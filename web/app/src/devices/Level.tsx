import { useEffect, useRef } from "react";
import { meter } from "./level";

/** Four bars that move with the sound. They are for the eye; the state is said elsewhere. */
export function Level({ track }: { track: MediaStreamTrack | undefined }) {
  const ref = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const element = ref.current;
    if (!track || !element) return;
    // Straight to the element: nothing else on the page changes with it.
    const show = (level: number) => {
      element.dataset["level"] = String(level);
    };
    const stop = meter(track, show);
    return () => {
      stop();
      show(0);
    };
  }, [track]);
  return (
    <span ref={ref} className="lvl" data-level="0" aria-hidden="true">
      <i />
      <i />
      <i />
      <i />
    </span>
  );
}
