import { useCallback, useEffect, useRef, useState } from "react";
import { type ScreenShare, ScreenRefused, shareScreen } from "../../devices/screen";

export interface ScreenView {
  share: ScreenShare | undefined;
  asking: boolean;
  trouble: string;
  toggle: () => void;
}

/** The shared screen, started and stopped by one control; also ended by the browser's own. */
export function useScreen(): ScreenView {
  const [share, setShare] = useState<ScreenShare>();
  const [asking, setAsking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const shown = useRef(true);
  const held = useRef<ScreenShare>(undefined);

  const put = useCallback((next: ScreenShare | undefined) => {
    held.current?.stop();
    held.current = next;
    setShare(next);
  }, []);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
      held.current?.stop();
      held.current = undefined;
    };
  }, []);

  const begin = async () => {
    setTrouble("");
    setAsking(true);
    try {
      const next = await shareScreen(() => put(undefined));
      if (shown.current) put(next);
      else next.stop();
    } catch (cause) {
      setTrouble(cause instanceof ScreenRefused ? cause.message : "The screen could not be shared.");
    } finally {
      setAsking(false);
    }
  };
  return { share, asking, trouble, toggle: () => (held.current ? put(undefined) : void begin()) };
}
