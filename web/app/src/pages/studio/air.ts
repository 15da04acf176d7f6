import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import type { RealTime, WhipDoor } from "../../api/types";
import type { BroadcastView } from "../../broadcast/broadcast";
import { ChannelProgram, channelState } from "../../stage/channelout";
import { type Air, type Destination, wantsChannel, wantsStage } from "../../stage/realtime";

export interface OnAir {
  air: Air;
  channel: BroadcastView;
  program: ChannelProgram | undefined;
  destination: Destination;
  /** Chooses where the show goes; on air it changes at once. */
  choose: (to: Destination) => void;
  goLive: () => Promise<void>;
  end: () => Promise<void>;
  /** The server's word on real time, from the feed. */
  hear: (realTime: RealTime) => void;
  /** What went wrong, with what to try; empty when nothing did. */
  trouble: string;
  /** Tries once more to bring about what was chosen; absent when that is so already. */
  again: (() => void) | undefined;
}

interface Options {
  whip: WhipDoor | null;
  realTime: RealTime;
  destination: Destination;
  /** What was on air before this page was loaded anew. */
  wanted: Destination | undefined;
  /** One's own picture has reached the stage. */
  onStage: boolean;
}

const key = async () => (await api.revealStreamKey()).value;

/** The two ways out of the studio, and the truth about each. */
export function useAir({ whip, realTime: first, destination: before, wanted: again, onStage }: Options): OnAir {
  const [program] = useState(() => (whip ? new ChannelProgram({ endpoint: whip.endpoint, key }) : undefined));
  const channel = useSyncExternalStore(program?.broadcast.subscribe ?? none, program?.broadcast.view ?? off);
  const [destination, setDestination] = useState<Destination>(whip ? before : "stage");
  const [realTime, setRealTime] = useState(first);
  const [wanted, setWanted] = useState<Destination | undefined>(() =>
    first.isLive ? (again && wantsChannel(again) ? "both" : "stage") : again === "stage" ? undefined : again,
  );
  const [switching, setSwitching] = useState(false);
  const [trouble, setTrouble] = useState("");
  const now = useRef({ wanted, realTime, switching });
  useEffect(() => {
    now.current = { wanted, realTime, switching };
  });

  useEffect(() => () => program?.close(), [program]);
  // After a reload the picture for the channel is opened again by itself; those who watch in real time come first.
  const resumed = useRef(false);
  useEffect(() => {
    if (!onStage || resumed.current) return;
    resumed.current = true;
    if (now.current.wanted && wantsChannel(now.current.wanted)) void program?.broadcast.start();
  }, [program, onStage]);

  const turn = useCallback(async (isLive: boolean): Promise<boolean> => {
    setSwitching(true);
    try {
      setRealTime(await api.setRealTime(isLive));
      return true;
    } catch (cause) {
      setTrouble(turnWords(cause, isLive));
      return false;
    } finally {
      setSwitching(false);
    }
  }, []);

  const bring = useCallback(
    async (to: Destination | undefined) => {
      setTrouble("");
      const stage = to !== undefined && wantsStage(to);
      const onChannel = to !== undefined && wantsChannel(to);
      if (onChannel) void program?.broadcast.start(); // first, while the click still counts as one
      setWanted(to);
      if (stage !== now.current.realTime.isLive && !(await turn(stage))) {
        // What was to come did not; what was to go is still there.
        setWanted(stage ? (onChannel ? "channel" : undefined) : onChannel ? "both" : "stage");
      }
      if (!onChannel) await program?.broadcast.stop();
    },
    [program, turn],
  );

  const choose = useCallback(
    (to: Destination) => {
      setDestination(to);
      if (now.current.wanted) void bring(to);
    },
    [bring],
  );

  const hear = useCallback((told: RealTime) => {
    const { wanted: want, realTime: was, switching: busy } = now.current;
    setRealTime((old) => (old.isLive === told.isLive && old.since === told.since ? old : told));
    if (busy || was.isLive === told.isLive) return;
    if (told.isLive) setWanted((w) => (w && wantsChannel(w) ? "both" : "stage"));
    else if (want && wantsStage(want)) {
      setWanted(want === "both" ? "channel" : undefined);
      setTrouble("Your picture was away from the stage for too long, so real time has ended for your viewers.");
    }
  }, []);

  return {
    air: { wanted, realTime, switching, channel: channelState(channel) },
    channel,
    program,
    destination,
    choose,
    goLive: () => bring(destination),
    end: () => bring(undefined),
    hear,
    trouble,
    again: trouble && wanted !== destination ? () => void bring(destination) : undefined,
  };
}

const none = () => () => undefined;
const OFF: BroadcastView = { state: "off", since: undefined, lasted: undefined, mishap: undefined, health: [] };
const off = () => OFF;

function turnWords(cause: unknown, on: boolean): string {
  const error = cause instanceof ApiError ? cause : undefined;
  if (error?.code === "not-on-stage")
    return "Viewers cannot see you yet: your picture is not on the stage. Check your camera and microphone below.";
  const said = error?.message ?? "The server could not do this.";
  return on ? `Viewers do not see the stage: ${said}` : `Viewers may still see the stage: ${said} End the broadcast again.`;
}
