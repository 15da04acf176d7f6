import { useEffect, useState, useSyncExternalStore } from "react";
import type { StageToken } from "../api/types";
import { Levels } from "./levels";
import { openStage, prepareStage } from "./open";
import { Floor, type Person } from "./people";
import { StageSession, type StageView } from "./session";

/** A seat on a stage for as long as the component is shown. The function is read once. */
export function useStage(
  seat: (signal: AbortSignal, refused: string) => Promise<StageToken>,
  { shared = false }: { shared?: boolean } = {},
): [StageSession, StageView] {
  const [session] = useState(() => {
    prepareStage();
    return new StageSession({ seat, open: openStage, shared });
  });
  const view = useSyncExternalStore(session.subscribe, session.view);
  useEffect(() => {
    session.join();
    return () => session.leave();
  }, [session]);
  return [session, view];
}

/** How loud each of these people is. Oneself counts by what one sends, so a muted microphone is silent. */
export function useLevels(people: readonly Person[]): Levels {
  const [levels] = useState(() => new Levels());
  useEffect(() => {
    const tracks = new Map<string, MediaStreamTrack>();
    for (const person of people) {
      const track = person.audioMuted ? undefined : person.stream?.getAudioTracks()[0];
      if (track) tracks.set(person.id, track);
    }
    levels.set(tracks);
  }, [levels, people]);
  useEffect(() => () => levels.close(), [levels]);
  return levels;
}

/** Who has the floor: the one to be shown large. */
export function useFloor(levels: Levels, wanted: boolean): string | undefined {
  const [holder, setHolder] = useState<string>();
  useEffect(() => {
    if (!wanted) return;
    const floor = new Floor();
    const timer = setInterval(() => setHolder(floor.hear(levels.loudest(), performance.now())), 250);
    return () => clearInterval(timer);
  }, [levels, wanted]);
  return wanted ? holder : undefined;
}
