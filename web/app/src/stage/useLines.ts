import { useEffect, useState } from "react";
import { LineMarks } from "./lines";
import type { Line } from "./port";
import type { StageSession } from "./session";

/** The library judges by what happened since it was last asked, two seconds at least. */
const EVERY = 2500;

/** Whose lines are to be marked, by participant. */
export function useLines(session: StageSession): ReadonlyMap<string, Line> {
  const [marks, setMarks] = useState<ReadonlyMap<string, Line>>(() => new Map());
  useEffect(() => {
    const steady = new LineMarks();
    let over = false;
    let timer: ReturnType<typeof setTimeout>;
    const look = async () => {
      const reading = await session.lines();
      if (over) return;
      setMarks(steady.see(reading));
      timer = setTimeout(() => void look(), EVERY);
    };
    void look();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [session]);
  return marks;
}
