import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { DevicesView } from "../devices/devices";
import { ScreenRefused, type ScreenShare, canShareScreen, shareScreen } from "../devices/screen";
import { Mixer } from "../mix/mixer";
import { SCREEN } from "./people";
import type { Outgoing } from "./port";

export interface Sharing {
  possible: boolean;
  share: ScreenShare | undefined;
  /** The browser's question is open. */
  asking: boolean;
  /** Why nothing is shared; empty when nothing went wrong. */
  trouble: string;
  start: () => Promise<void>;
  stop: () => void;
}

/**
 * What one sends to the stage: camera and microphone as they are, or, while a screen is shared, the screen with the
 * camera in a corner and both sounds in one.
 */
export function useOutgoing(view: DevicesView): [Outgoing, Sharing] {
  const [share, setShare] = useState<ScreenShare>();
  const [mixer, setMixer] = useState<Mixer>();
  const [asking, setAsking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const shown = useRef(true);
  const { camera, microphone, stream } = view;

  const start = useCallback(async () => {
    setTrouble("");
    setAsking(true);
    try {
      const next = await shareScreen(() => setShare((now) => (now === next ? undefined : now)));
      if (shown.current) setShare(next);
      else next.stop();
    } catch (cause) {
      setTrouble(cause instanceof ScreenRefused ? cause.message : "The screen could not be shared. Try again.");
    } finally {
      setAsking(false);
    }
  }, []);
  const stop = useCallback(() => setShare(undefined), []);

  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);

  useEffect(() => {
    if (!share) return;
    let made: Mixer | undefined;
    try {
      made = new Mixer({ ...SCREEN, frameRate: 30 });
      made.setLayout("inset");
      setMixer(made);
    } catch {
      setTrouble("This browser cannot put the screen and your camera into one picture.");
      setShare(undefined);
    }
    return () => {
      setMixer(undefined);
      made?.close();
      share.stop();
    };
  }, [share]);

  useEffect(() => {
    if (!mixer || !share) return;
    mixer.setSources([
      { id: "screen", name: "", stream: share.stream, kind: "screen", local: true },
      {
        id: "camera",
        name: "",
        stream,
        kind: "camera",
        local: true,
        muted: microphone.off,
        hidden: camera.off || !camera.track,
      },
    ]);
  }, [mixer, share, stream, camera.off, camera.track, microphone.off]);

  const outgoing = useMemo<Outgoing>(() => {
    if (mixer && share)
      return {
        audio: mixer.stream.getAudioTracks()[0],
        video: mixer.stream.getVideoTracks()[0],
        // Who mutes the microphone still lets the screen be heard.
        audioMuted: (microphone.off || !microphone.track) && !share.hasSound,
        videoStopped: false,
      };
    return {
      audio: microphone.track,
      video: camera.track,
      audioMuted: microphone.off || !microphone.track,
      videoStopped: camera.off || !camera.track,
    };
  }, [mixer, share, camera.track, camera.off, microphone.track, microphone.off]);

  return [outgoing, { possible: canShareScreen(), share, asking, trouble, start, stop }];
}
