import { Check, Info, TriangleAlert, Unplug } from "lucide-react";
import type { ReactNode } from "react";
import type { Advice, HealthHistory, StreamHealth } from "../../api/types";
import { count } from "../../ui/format";
import { Chart } from "./Chart";
import { SecondsLeft } from "./SecondsLeft";
import { type Standing, STEP, SHOWN, type StreamHealthView } from "./useStreamHealth";
import "./health.css";

/** How the own stream does: four rows of numbers on one scale of time, and what the encoder should do otherwise. */
export function HealthPanel({ standing, retry }: StreamHealthView) {
  if (standing.state === "absent") return null;
  return (
    <section className="panel stream-health" aria-labelledby="h-health" aria-busy={standing.state === "loading"}>
      <div className="panel-head">
        <h2 id="h-health">Stream health</h2>
        <Verdict standing={standing} />
        <span className="grow" />
        {standing.state === "live" ? (
          <span className="small muted">{standing.stale ? "No news for a moment" : "Last 10 minutes"}</span>
        ) : null}
      </div>
      <Body standing={standing} retry={retry} />
    </section>
  );
}

function Verdict({ standing }: { standing: Standing }) {
  if (standing.state !== "live") return null;
  const { health, advice } = standing.stream;
  const warnings = advice.filter((a) => a.severity === "WARNING").length;
  return (
    <span role="status">
      {standing.waitsUntil !== undefined ? (
        <span className="badge badge-warn">
          <Unplug className="i" />
          Encoder lost
        </span>
      ) : health === "STARVING" ? (
        <span className="badge badge-bad">
          <TriangleAlert className="i" />
          Nothing arrives
        </span>
      ) : warnings > 0 ? (
        <span className="badge badge-warn">
          <TriangleAlert className="i" />
          {warnings === 1 ? "One thing to mend" : `${warnings} things to mend`}
        </span>
      ) : (
        <span className="badge badge-good">
          <Check className="i" />
          Good
        </span>
      )}
    </span>
  );
}

function Body({ standing, retry }: { standing: Standing; retry: () => void }) {
  switch (standing.state) {
    case "loading":
      return (
        <>
          <div className="hcs" aria-hidden="true">
            {["a", "b", "c", "d"].map((k) => (
              <div className="hc" key={k}>
                <span className="sk sk-line sk-w40" />
                <span className="sk hc-sk" />
              </div>
            ))}
          </div>
          <span className="sr" role="status">
            Loading your stream's health
          </span>
        </>
      );
    case "failed":
      return (
        <div className="hc-say" role="alert">
          <p className="hc-bad">
            <TriangleAlert className="i" />
            <span>
              <b>There is no news of your stream.</b> {standing.error.message} It is asked again by itself.
            </span>
          </p>
          <button type="button" className="btn btn-sm" onClick={retry}>
            Try again
          </button>
        </div>
      );
    case "off":
      return (
        <div className="hc-say">
          <p className="muted">
            When you are on air, bitrate, frame rate, key frames and viewers appear here, with advice on your encoder's
            settings.
          </p>
        </div>
      );
    case "live":
      return (
        <>
          <Charts history={standing.history} />
          <AdviceList stream={standing.stream} waitsUntil={standing.waitsUntil} />
        </>
      );
  }
  return null;
}

const latest = (values: (number | null)[]) => {
  for (let i = values.length - 1; i >= Math.max(0, values.length - 3); i--) {
    const v = values[i];
    if (v !== null && v !== undefined) return v;
  }
  return undefined;
};
const most = (values: (number | null)[]) => values.reduce<number>((m, v) => Math.max(m, v ?? 0), 0);

/** The next round number above: 1, 2, 5, 10, 20, and so on. */
export function roof(v: number): number {
  const ten = 10 ** Math.floor(Math.log10(Math.max(v, 1)));
  return [1, 2, 3, 5, 8, 10].map((n) => n * ten).find((n) => n >= v) ?? 10 * ten;
}

const KEYFRAMES = 4;

function Charts({ history }: { history: HealthHistory }) {
  const to = (history.times.at(-1) ?? Math.floor(Date.now() / 1000)) + STEP;
  const scale = { times: history.times, from: to - SHOWN * STEP, to };
  const megabits = history.bitrate.map((v) => (v === null ? null : v / 1e6));
  const now = {
    bitrate: latest(megabits),
    rate: latest(history.frameRate),
    keyframes: latest(history.keyframes),
    viewers: latest(history.viewers),
  };
  return (
    <div className="hcs">
      <Row name="Bitrate" value={now.bitrate?.toFixed(1)} unit="Mb/s">
        {(label) => <Chart {...scale} values={megabits} top={roof(most(megabits) * 1.15)} label={label} />}
      </Row>
      <Row name="Frame rate" value={now.rate?.toFixed(0)} unit="fps">
        {(label) => <Chart {...scale} values={history.frameRate} top={roof(most(history.frameRate) * 1.1)} label={label} />}
      </Row>
      <Row name="Keyframe interval" note={`under ${KEYFRAMES} s`} value={now.keyframes?.toFixed(1)} unit="s">
        {(label) => (
          <Chart
            {...scale}
            values={history.keyframes}
            top={Math.max(KEYFRAMES * 1.25, most(history.keyframes) * 1.15)}
            limit={KEYFRAMES}
            label={label}
          />
        )}
      </Row>
      <Row name="Viewers" value={now.viewers === undefined ? undefined : count(Math.round(now.viewers))} unit="">
        {(label) => (
          <Chart {...scale} values={history.viewers} top={roof(Math.max(4, most(history.viewers) * 1.15))} label={label} />
        )}
      </Row>
    </div>
  );
}

interface RowProps {
  name: string;
  note?: string;
  value: string | undefined;
  unit: string;
  children: (label: string) => ReactNode;
}

function Row({ name, note, value, unit, children }: RowProps) {
  return (
    <div className="hc">
      <div className="row between">
        <span className="t13 m">{name}</span>
        {note ? <span className="small muted">{note}</span> : null}
      </div>
      <div className="metric">
        <span className="t22 num">{value ?? "–"}</span>
        {unit && value !== undefined ? <span className="unit">{unit}</span> : null}
      </div>
      {children(`${name} over the last ten minutes${value === undefined ? "" : `, now ${value} ${unit}`.trimEnd()}`)}
    </div>
  );
}

function AdviceList({ stream, waitsUntil }: { stream: StreamHealth; waitsUntil: number | undefined }) {
  return (
    <ul className="advice" aria-label="Advice on your encoder" aria-live="polite">
      {waitsUntil !== undefined ? (
        <li className="notice notice-warn">
          <Unplug className="i" />
          <div className="grow">
            <p>
              <b>
                Your encoder was lost, and your stream waits for it
                <SecondsLeft until={waitsUntil} before=", " />.
              </b>{" "}
              Start streaming there again with the same key: viewers stay, and see you go on. After that the stream ends.
            </p>
          </div>
        </li>
      ) : stream.health === "STARVING" ? (
        <li className="notice notice-bad">
          <TriangleAlert className="i" />
          <div className="grow">
            <p>
              <b>Your encoder is connected, but nothing arrives.</b> Check its network, and whether it has stopped.
            </p>
          </div>
        </li>
      ) : null}
      {stream.advice.map((a) => (
        <Item key={a.code} advice={a} />
      ))}
    </ul>
  );
}

function Item({ advice }: { advice: Advice }) {
  const warning = advice.severity === "WARNING";
  return (
    <li className={warning ? "notice notice-warn" : "notice"} data-code={advice.code}>
      {warning ? <TriangleAlert className="i" /> : <Info className="i" />}
      <div className="grow">
        <p>
          <span className="sr">{warning ? "Warning: " : "Hint: "}</span>
          {advice.message}
        </p>
        <p className="remedy">{advice.remedy}</p>
      </div>
    </li>
  );
}
