import { MicOff, RotateCw, VideoOff, Wifi, WifiOff } from "lucide-react";
import { type CSSProperties, type ReactNode, useEffect, useRef, useState } from "react";
import type { Rect } from "../mix/layout";
import { Avatar } from "../ui/marks";
import { avatarClass } from "../ui/person";
import type { Levels } from "./levels";
import type { LineSaid } from "./lines";
import { Picture } from "./Picture";
import { type Person, isMuted, tileState } from "./people";

interface Props {
  person: Person;
  levels: Levels;
  /** Where it stands, in hundredths of the stage. */
  place: Rect;
  /** Lies on another tile. */
  raised: boolean;
  namePlates?: boolean;
  /** Nothing is heard of the others now. */
  silent: boolean;
  /** What is wrong with the line to this person. */
  said?: LineSaid | undefined;
  volume?: number;
  onSilenced?: (() => void) | undefined;
  onScreen?: ((person: Person, screen: boolean) => void) | undefined;
  /** What can be done about this person. */
  actions?: ReactNode;
}

/** One person on the stage: their picture, their name, whether they are heard. */
export function Tile({ person, levels, place, raised, namePlates = true, silent, ...rest }: Props) {
  const { said, volume = 1, onSilenced, onScreen, actions } = rest;
  const tile = useRef<HTMLDivElement>(null);
  const state = tileState(person);
  const muted = isMuted(person);
  const [drawn, setDrawn] = useState(false);
  const waiting = state === "picture" && !drawn && !person.local;

  // Straight to the element: sound changes many times a second, and nothing else with it.
  useEffect(() => {
    const show = () => {
      const { bars, speaking } = levels.sound(person.id);
      const { dataset } = tile.current!;
      dataset["speaking"] = String(speaking);
      dataset["level"] = String(bars);
    };
    show();
    return levels.subscribe(person.id, show);
  }, [levels, person.id]);

  return (
    <div
      ref={tile}
      className="tile"
      role="group"
      aria-label={person.local ? `${person.name}, you` : person.name}
      data-participant={person.id}
      data-user={person.userId}
      data-state={state}
      data-muted={muted}
      data-line={said?.line}
      data-raised={raised || undefined}
      data-local={person.local || undefined}
      data-low={place.y + place.height > 90 || undefined}
      data-plates={namePlates}
      style={
        {
          "--x": `${place.x}%`,
          "--y": `${place.y}%`,
          "--w": `${place.width}%`,
          "--h": `${place.height}%`,
        } as CSSProperties
      }
    >
      <Picture
        stream={person.stream}
        muted={person.local || silent}
        mirrored={person.local}
        volume={volume}
        onSilenced={onSilenced}
        onDrawn={setDrawn}
        onScreen={(screen) => onScreen?.(person, screen)}
        label={person.local ? "Your picture" : `Picture of ${person.name}`}
      />
      {state === "picture" && !waiting ? null : (
        <div className={`tile-off ${avatarClass(person.name)}`} data-waiting={waiting || undefined}>
          <Avatar name={person.name} size={72} />
          <span className="tile-why">
            {state === "camera-off" ? (
              <>
                <VideoOff className="i i-sm" />
                Camera off
              </>
            ) : state === "failed" ? (
              <>
                <RotateCw className="i i-sm" />
                The picture does not arrive. Trying again.
              </>
            ) : (
              <>
                <span className="spin" aria-hidden="true" />
                {person.publishing ? "Getting the picture" : "Joining"}
              </>
            )}
          </span>
        </div>
      )}
      {actions ? <div className="acts">{actions}</div> : null}
      <div className="name">
        {muted ? (
          <span className="tile-muted">
            <MicOff className="i muted-i" />
            <span className="sr">Muted: </span>
          </span>
        ) : (
          <span className="lvl" aria-hidden="true">
            <i />
            <i />
            <i />
            <i />
          </span>
        )}
        {said ? (
          <span className="tile-line" role="img" aria-label={said.long} title={said.long}>
            {said.line === "down" ? <WifiOff className="i" /> : <Wifi className="i" />}
          </span>
        ) : null}
        <span className="clip1">{person.name}</span>
        {person.local || person.host ? <span className="tile-role">{person.local ? "You" : "Host"}</span> : null}
      </div>
    </div>
  );
}
