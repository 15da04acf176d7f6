import { useEffect, useRef } from "react";
import { STEPS, meter, steps } from "../../devices/level";

/** From this many of twenty steps on it is a voice, or something as loud. */
const HEARD = 7;

interface Props {
  track: MediaStreamTrack | undefined;
  onHeard: () => void;
}

/** A long bar that moves with the sound. It is for the eye; the row beside says whether there was any. */
export function SoundMeter({ track, onHeard }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const told = useRef(onHeard);
  useEffect(() => {
    told.current = onHeard;
  });
  useEffect(() => {
    const element = ref.current;
    if (!track || !element) return;
    const show = (level: number) => {
      for (const [n, step] of [...element.children].entries()) step.toggleAttribute("data-on", n < level);
      if (level >= HEARD) told.current();
    };
    const stop = meter(track, show, steps);
    return () => {
      stop();
      show(0);
    };
  }, [track]);
  return (
    <div ref={ref} className="chk-meter" aria-hidden="true">
      {Array.from({ length: STEPS }, (_, n) => (
        <i key={n} />
      ))}
    </div>
  );
}
