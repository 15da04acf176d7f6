import { useNow } from "../../ui/marks";

/** "23 s left", counted down. Nobody is told each second: the words around it say what is up. */
export function SecondsLeft({ until, before = "" }: { until: number; before?: string }) {
  const left = Math.max(0, Math.ceil((until - useNow()) / 1000));
  return (
    <span className="num" aria-hidden="true">
      {before}
      {left} s left
    </span>
  );
}
