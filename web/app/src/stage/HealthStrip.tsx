import { useEffect, useRef, useState } from "react";
import { LENGTH, type Numbers, Tally, sparkline, worrying } from "./health";

const EVERY = 2000;

interface Props {
  stage: () => Promise<RTCStatsReport[]>;
  /** The way to the channel; absent where there is none. */
  channel?: (() => Promise<RTCStatsReport | undefined>) | undefined;
}

interface Sample {
  stage: Numbers | undefined;
  channel: Numbers | undefined;
}

/** The numbers of what goes out, every two seconds. The strip is always there; what is not known is a dash. */
export function HealthStrip({ stage, channel }: Props) {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  const ask = useRef({ stage, channel });
  useEffect(() => {
    ask.current = { stage, channel };
  });
  useEffect(() => {
    const tallies = { stage: new Tally(), channel: new Tally() };
    let busy = false;
    const measure = async () => {
      if (busy) return;
      busy = true;
      try {
        const [reports, report] = await Promise.all([ask.current.stage(), ask.current.channel?.()]);
        const now = performance.now();
        const sample = {
          stage: tallies.stage.add(reports, now),
          channel: tallies.channel.add(report ? [report] : [], now),
        };
        setSamples((before) => [...before, sample].slice(-LENGTH));
      } catch {
        // The connection went away while it was asked.
      } finally {
        busy = false;
      }
    };
    void measure();
    const timer = setInterval(() => void measure(), EVERY);
    return () => clearInterval(timer);
  }, []);

  const last = samples.at(-1);
  const line = (pick: (s: Sample) => number | undefined) => samples.map(pick).filter((v) => v !== undefined);
  const numbers = last?.stage;
  return (
    <div className="health" role="group" aria-label="Health">
      <Item
        name="Bitrate"
        value={numbers?.bitrate}
        text={(v) => (v / 1e6).toFixed(1)}
        unit="Mb/s"
        values={line((s) => s.stage?.bitrate)}
        most={3e6}
      />
      <Item
        name="Frames"
        value={numbers?.frames}
        text={(v) => v.toFixed(0)}
        unit="fps"
        values={line((s) => s.stage?.frames)}
        most={36}
        worry={worrying.frames}
      />
      <Item
        name="Round trip"
        value={numbers?.roundTrip}
        text={(v) => v.toFixed(0)}
        unit="ms"
        values={line((s) => s.stage?.roundTrip)}
        most={120}
        worry={worrying.roundTrip}
      />
      <Item
        name="Lost"
        value={numbers?.lost}
        text={(v) => (v * 100).toFixed(1)}
        unit="%"
        values={line((s) => s.stage?.lost)}
        most={0.03}
        worry={worrying.lost}
      />
      {channel ? (
        <Item
          name="To the channel"
          value={last?.channel?.bitrate}
          text={(v) => (v / 1e6).toFixed(1)}
          unit="Mb/s"
          values={line((s) => s.channel?.bitrate)}
          most={4e6}
        />
      ) : null}
    </div>
  );
}

interface ItemProps {
  name: string;
  value: number | undefined;
  text: (value: number) => string;
  unit: string;
  values: readonly number[];
  most: number;
  worry?: (value: number) => boolean;
}

function Item({ name, value, text, unit, values, most, worry }: ItemProps) {
  const bad = value !== undefined && (worry?.(value) ?? false);
  return (
    <div className="h-item" data-health={name}>
      <span className="small muted">{name}</span>
      <span className="h-value">
        {value === undefined ? (
          <b className="num muted">
            –<span className="sr">not known yet</span>
          </b>
        ) : (
          <b className={bad ? "num warn" : "num"}>
            {text(value)}
            <span className="unit">{unit}</span>
            {bad ? <span className="sr">, worth a look</span> : null}
          </b>
        )}
        <svg className={bad ? "spark warn" : "spark"} viewBox="0 0 88 22" preserveAspectRatio="none" aria-hidden="true">
          <path d={sparkline(values, most)} />
        </svg>
      </span>
    </div>
  );
}
