import type { ReactNode } from "react";
import type { Health } from "./health";
import "./health.css";

/** What is sent right now, in four numbers with their last minute; dashes while nothing is. */
export function HealthStrip({ health, children }: { health: readonly Health[]; children?: ReactNode }) {
  const now = health.at(-1);
  const loss = now?.loss;
  return (
    <dl className="health" aria-label="Health of what you send">
      <Item name="Bitrate" unit="Mb/s" value={now && (now.kbps / 1000).toFixed(1)} line={health.map((h) => h.kbps)} />
      <Item name="Frames" unit="fps" value={now && String(Math.round(now.fps))} line={health.map((h) => h.fps)} />
      <Item
        name="Round trip"
        unit="ms"
        value={now?.roundTrip === undefined ? undefined : String(Math.round(now.roundTrip))}
        line={health.map((h) => h.roundTrip ?? 0)}
      />
      <Item
        name="Lost"
        unit="%"
        value={loss?.toFixed(1)}
        line={health.map((h) => h.loss ?? 0)}
        tone={(loss ?? 0) > 3 ? "bad" : (loss ?? 0) > 1 ? "warn" : undefined}
      />
      {children}
    </dl>
  );
}

interface ItemProps {
  name: string;
  unit: string;
  value: string | undefined;
  line: number[];
  tone?: "warn" | "bad" | undefined;
}

/** The bitrate of a second way out, beside the numbers of the first. */
export function SecondWay({ name, health }: { name: string; health: readonly Health[] }) {
  const now = health.at(-1);
  return <Item name={name} unit="Mb/s" value={now && (now.kbps / 1000).toFixed(1)} line={health.map((h) => h.kbps)} />;
}

function Item({ name, unit, value, line, tone }: ItemProps) {
  return (
    <div className={tone ? `h-item ${tone}` : "h-item"}>
      <dt className="small">{name}</dt>
      <dd>
        <b className="num">
          {value ?? "–"}
          {value === undefined ? null : <span className="unit">{unit}</span>}
        </b>
        <Spark values={line} />
      </dd>
    </div>
  );
}

const WIDTH = 88;
const HEIGHT = 20;

/** A line without a scale: whether it is even is all it says. */
function Spark({ values }: { values: number[] }) {
  if (values.length < 2) return null;
  const shown = values.slice(-30);
  const high = Math.max(...shown);
  const low = Math.min(...shown);
  // Small wobbles stay small: the scale is never finer than a quarter of the value.
  const span = Math.max(high - low, high * 0.25, 0.001);
  const middle = (high + low) / 2;
  const points = shown.map((v, i) => {
    const x = (i / (shown.length - 1)) * WIDTH;
    const y = HEIGHT / 2 - ((v - middle) / span) * (HEIGHT - 4);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg className="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points.join(" ")} />
    </svg>
  );
}
