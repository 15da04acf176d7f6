import { Clock, Eye } from "lucide-react";
import { useSyncExternalStore } from "react";
import { clock, count } from "./format";
import { avatarClass, initials } from "./person";

/** The cat that plays: our mark, in the colour of the text around it. */
export function Mark() {
  return (
    <svg viewBox="0 0 26 26" aria-hidden="true">
      <path
        fill="currentColor"
        fillRule="evenodd"
        d="M3 3.6c0-1.2 1.3-1.900 2.3-1.200L9.400 5.300h7.200l4.100-2.900c1-.7 2.300 0 2.300 1.200V14c0 5.700-4.400 10-10 10S3 19.700 3 14Zm7.600 6.500v7.800c0 .6.7 1 1.200.7l6-3.900c.5-.3.5-1 0-1.300l-6-4c-.5-.3-1.200 0-1.200.7Z"
      />
    </svg>
  );
}

export function Avatar({ name, size }: { name: string; size?: 24 | 28 | 56 | 72 }) {
  return (
    <span className={`av ${avatarClass(name)}${size ? ` av-${size}` : ""}`} data-initials={initials(name)} aria-hidden="true" />
  );
}

export function LiveBadge({ large = false }: { large?: boolean }) {
  return <span className={large ? "live live-lg" : "live"}>LIVE</span>;
}

/** How many watch, on a picture. */
export function ViewersPlate({ viewers }: { viewers: number }) {
  return (
    <span className="plate">
      <Eye className="i" />
      {count(viewers)}
      <span className="sr"> watching</span>
    </span>
  );
}

let now = Date.now();
const tickers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now = Date.now();
  for (const told of tickers) told();
}

function subscribe(told: () => void): () => void {
  if (tickers.size === 0) {
    now = Date.now(); // nobody kept it going
    timer = setInterval(tick, 1000);
  }
  tickers.add(told);
  return () => {
    tickers.delete(told);
    if (tickers.size === 0) clearInterval(timer);
  };
}

/** The time of day, a second apart, from one timer for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}

export function OnAirClock({ since }: { since: string }) {
  const at = useNow();
  return <>{clock(at - new Date(since).getTime())}</>;
}

/** Watching and on air, side by side: the two numbers of a live stream. */
export function LiveNumbers({ viewers, startedAt }: { viewers: number; startedAt: string | null | undefined }) {
  return (
    <>
      <span className="row num-pair">
        <Eye className="i i-sm" aria-hidden="true" />
        <b className="b">{count(viewers)}</b>
        <span className="muted">watching</span>
      </span>
      {startedAt ? <OnAirTime since={startedAt} /> : null}
    </>
  );
}

export function OnAirTime({ since }: { since: string }) {
  return (
    <span className="row num-pair">
      <Clock className="i i-sm" aria-hidden="true" />
      <b className="b">
        <OnAirClock since={since} />
      </b>
      <span className="muted">on air</span>
    </span>
  );
}

/** Stands where a picture will be: the streamer's colour and letters, dark in both themes as pictures are. */
export function PicturePlate({ name }: { name: string }) {
  return (
    <span className={`pic-plate ${avatarClass(name)}`} aria-hidden="true">
      <Mark />
      <span className="pic-plate-name" data-initials={initials(name)} />
    </span>
  );
}
