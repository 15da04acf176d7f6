import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { type Layout, type Rect, layout as placesFor } from "../mix/layout";
import type { Levels } from "./levels";
import { lineSaid } from "./lines";
import { type Person, arrange } from "./people";
import type { Line } from "./port";
import { Tile } from "./Tile";
import "./stage.css";

interface Props {
  people: readonly Person[];
  levels: Levels;
  layout: Layout;
  /** Who is large where somebody is. */
  featured?: string | undefined;
  screens: ReadonlySet<string>;
  onScreen: (person: Person, screen: boolean) => void;
  namePlates?: boolean;
  /** Whose lines are to be marked. */
  lines?: ReadonlyMap<string, Line>;
  silent?: boolean;
  volume?: number;
  onSilenced?: (() => void) | undefined;
  actions?: (person: Person) => ReactNode;
  children?: ReactNode;
}

/**
 * The people in the picture, placed as the mixer places them in the picture for the channel. The order of the tiles
 * in the page never changes, since a video that is moved there stops: only their places do.
 */
export function Tiles({ people, levels, layout, featured, screens, lines, silent = false, ...more }: Props) {
  const { actions, children, ...rest } = more;
  const stage = useRef<HTMLDivElement>(null);
  const [{ width, height }, setSize] = useState({ width: 1600, height: 900 });
  useLayoutEffect(() => {
    const element = stage.current!;
    const measure = () => {
      const { clientWidth: w, clientHeight: h } = element;
      if (w > 0 && h > 0) setSize((now) => (now.width === w && now.height === h ? now : { width: w, height: h }));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const order = arrange(people, layout, featured, screens);
  const rects = placesFor(layout, order.length, width, height);
  const place = (person: Person): Rect => {
    const { x, y, width: w, height: h } = rects[order.indexOf(person)]!;
    return { x: (x / width) * 100, y: (y / height) * 100, width: (w / width) * 100, height: (h / height) * 100 };
  };
  return (
    <div ref={stage} className="stage" role="region" aria-label="Stage" data-layout={layout} data-count={people.length}>
      {people.map((person) => (
        <Tile
          key={person.id}
          person={person}
          levels={levels}
          place={place(person)}
          raised={layout === "inset" && person !== order[0]}
          silent={silent}
          said={lines && lineSaid(person, people, lines)}
          actions={actions?.(person)}
          {...rest}
        />
      ))}
      {children}
    </div>
  );
}

/** Who shares a screen, as their pictures show. */
export function useScreens(): [ReadonlySet<string>, (person: Person, screen: boolean) => void] {
  const [screens, setScreens] = useState<ReadonlySet<string>>(() => new Set());
  const [onScreen] = useState(() => (person: Person, screen: boolean) => {
    setScreens((now) => {
      if (now.has(person.id) === screen) return now;
      const next = new Set(now);
      if (screen) next.add(person.id);
      else next.delete(person.id);
      return next;
    });
  });
  return [screens, onScreen];
}
