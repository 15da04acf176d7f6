import { useEffect, useState } from "react";
import type { DevicesView } from "../../devices/devices";
import type { ScreenShare } from "../../devices/screen";
import { Mixer } from "../../mix/mixer";

/** What goes out: 720p is what every channel may send, and what a tab keeps up with. */
export const PICTURE = { width: 1280, height: 720, frameRate: 30 };

/** The picture and sound that viewers get: the camera, or the screen with the camera in its corner. */
export function useMixer(username: string, view: DevicesView, screen: ScreenShare | undefined): Mixer | undefined {
  const [mixer, setMixer] = useState<Mixer>();
  useEffect(() => {
    const made = new Mixer(PICTURE);
    setMixer(made);
    return () => {
      setMixer(undefined);
      made.close();
    };
  }, []);
  const { stream } = view;
  const cameraOff = view.camera.off || !view.camera.track;
  const muted = view.microphone.off;
  useEffect(() => {
    if (!mixer) return;
    mixer.setLayout(screen ? "inset" : "grid");
    mixer.setSources([
      ...(screen
        ? [{ id: "screen", name: `${username}’s ${screen.what}`, stream: screen.stream, kind: "screen" as const, local: true }]
        : []),
      {
        id: "you",
        name: username,
        stream,
        muted,
        videoStopped: cameraOff,
        kind: "camera",
        local: true,
        hidden: screen !== undefined && cameraOff, // no letters in the corner of a screen
      },
    ]);
  }, [mixer, username, stream, screen, cameraOff, muted]);
  return mixer;
}
