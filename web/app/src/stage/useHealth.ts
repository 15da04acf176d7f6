import { useEffect, useRef, useState } from "react";
import { type Health, type Reading, between, read } from "../broadcast/health";

const EVERY = 2000;
const KEPT = 45;

/** What is sent, measured every two seconds, newest last. Empty again when nothing is sent. */
export function useHealth(stats: () => Promise<RTCStatsReport[]>): readonly Health[] {
  const [health, setHealth] = useState<readonly Health[]>([]);
  const ask = useRef(stats);
  useEffect(() => {
    ask.current = stats;
  });
  useEffect(() => {
    let before: Reading | undefined;
    let busy = false;
    const measure = async () => {
      if (busy) return;
      busy = true;
      try {
        const reports = await ask.current();
        // Two senders of one connection tell the same entries under the same names.
        const now = read(new Map(reports.flatMap((report) => [...(report as unknown as Map<string, unknown>)])));
        const fresh = before && now && now.bytes >= before.bytes ? between(before, now) : undefined;
        before = now;
        if (!now) setHealth((kept) => (kept.length === 0 ? kept : []));
        else if (fresh) setHealth((kept) => [...kept, fresh].slice(-KEPT));
      } catch {
        before = undefined; // the connection went away while it was asked
      } finally {
        busy = false;
      }
    };
    void measure();
    const timer = setInterval(() => void measure(), EVERY);
    return () => clearInterval(timer);
  }, []);
  return health;
}
