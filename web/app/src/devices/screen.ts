import { codeOf } from "./trouble";

/** A shared screen, window or tab; its sound where the browser and the person give it. */
export interface ScreenShare {
  stream: MediaStream;
  /** "screen", "window" or "tab", as far as the browser says. */
  what: string;
  hasSound: boolean;
  stop: () => void;
}

/** Why nothing is shared. Without words when the person simply closed the browser's question. */
export class ScreenRefused extends Error {}

export const canShareScreen = (): boolean =>
  typeof (navigator.mediaDevices as MediaDevices | undefined)?.getDisplayMedia === "function";

/** What browsers know beyond the library's types. */
interface Wish extends DisplayMediaStreamOptions {
  systemAudio?: "include" | "exclude";
  surfaceSwitching?: "include" | "exclude";
  selfBrowserSurface?: "include" | "exclude";
}

/**
 * Lets the person choose what to share. `onEnded` comes once, when the sharing ends by any way but `stop`.
 * Throws ScreenRefused.
 */
export async function shareScreen(onEnded: () => void): Promise<ScreenShare> {
  const wish: Wish = {
    video: { frameRate: { ideal: 30, max: 30 }, width: { max: 1920 }, height: { max: 1200 } },
    // The screen's own sound, as it is: voice filters would swallow music.
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    systemAudio: "include",
    surfaceSwitching: "include",
    selfBrowserSurface: "exclude",
  };
  let stream: MediaStream;
  try {
    stream = await navigator.mediaDevices.getDisplayMedia(wish);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "refused") throw new ScreenRefused("");
    if (code === "system")
      throw new ScreenRefused(
        "Your system blocks screen sharing. Allow it for your browser in the system’s privacy settings, then try again.",
      );
    throw new ScreenRefused("The screen could not be shared. Try another window or the whole screen.");
  }
  const [video] = stream.getVideoTracks();
  const [audio] = stream.getAudioTracks();
  const stop = () => {
    if (video) video.onended = null;
    for (const track of stream.getTracks()) track.stop();
  };
  if (video) {
    video.onended = () => {
      stop();
      onEnded();
    };
  }
  const surface = video?.getSettings().displaySurface;
  const what = surface === "browser" ? "tab" : surface === "window" ? "window" : "screen";
  return { stream, what, hasSound: audio !== undefined, stop };
}
