import { useEffect, useRef } from "react";
import type { Mixer } from "../../mix/mixer";

/** The very canvas that is sent: what is seen here is what viewers get. */
export function Monitor({ mixer, label }: { mixer: Mixer | undefined; label: string }) {
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const canvas = mixer?.canvas;
    if (!canvas) return;
    ref.current?.append(canvas);
    return () => canvas.remove();
  }, [mixer]);
  useEffect(() => {
    const canvas = mixer?.canvas;
    canvas?.setAttribute("role", "img");
    canvas?.setAttribute("aria-label", label);
  }, [mixer, label]);
  return <div ref={ref} className="gl-canvas" />;
}
