import { WhipPublisher } from "@streamcat/client/whip";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { Broadcast, type BroadcastView, onAir } from "../../broadcast/broadcast";
import { PICTURE } from "./useMixer";

/** A channel of the basic kind takes up to 3.5 Mb/s; a tab's picture needs no more, all its sizes together. */
const LIMITS = { simulcast: true, maxVideoBitrateKbps: 3000, maxFramerate: PICTURE.frameRate, maxAudioBitrateKbps: 128 };

/** The broadcast of this page. It ends when the page goes. */
export function useBroadcast(endpoint: string, stream: MediaStream | undefined, onSignedOut: () => void) {
  const now = useRef({ endpoint, stream, onSignedOut });
  useEffect(() => {
    now.current = { endpoint, stream, onSignedOut };
  });
  const [broadcast] = useState(
    () =>
      new Broadcast({
        key: async () => {
          try {
            return (await api.revealStreamKey()).value;
          } catch (cause) {
            if (cause instanceof ApiError && cause.status === 401) now.current.onSignedOut();
            throw cause;
          }
        },
        publisher: (token) => {
          const { endpoint, stream } = now.current;
          if (!stream) throw new Error("there is nothing to send yet");
          return new WhipPublisher({ endpoint, token, stream, ...LIMITS });
        },
      }),
  );
  const view: BroadcastView = useSyncExternalStore(broadcast.subscribe, broadcast.view);
  useEffect(() => () => broadcast.close(), [broadcast]);
  useAwake(onAir(view));
  return [broadcast, view] as const;
}

/** Keeps the screen lit while on air: a phone that sleeps sends nothing. */
function useAwake(wanted: boolean): void {
  useEffect(() => {
    if (!wanted || !("wakeLock" in navigator)) return;
    let lock: WakeLockSentinel | undefined;
    let over = false;
    const take = async () => {
      if (document.visibilityState !== "visible") return;
      try {
        const got = await navigator.wakeLock.request("screen");
        if (over) void got.release();
        else lock = got;
      } catch {
        // Low battery, for example: the system decides.
      }
    };
    void take();
    document.addEventListener("visibilitychange", take); // browsers take it back when the page is hidden
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", take);
      void lock?.release().catch(() => undefined);
    };
  }, [wanted]);
}
