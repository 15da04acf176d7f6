import { STEP } from "./useStreamHealth";

const WIDTH = 560;
const HEIGHT = 96;

interface Props {
  /** Beginnings of five seconds, in seconds, with a value each; null where nothing is known. */
  times: number[];
  values: (number | null)[];
  /** The top of the scale; at least the largest value. */
  top: number;
  /** A line that should not be passed. */
  limit?: number;
  /** When the scale of time begins and ends, in seconds. */
  from: number;
  to: number;
  label: string;
}

/** One row of numbers over time: a line on its own pale ground, broken where nothing is known. */
export function Chart({ times, values, top, limit, from, to, label }: Props) {
  const x = (t: number) => (((t - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (v: number) => (HEIGHT - 1 - (Math.min(v, top) / top) * (HEIGHT - 2)).toFixed(1);
  const runs: [number, number][][] = [];
  let last: number | undefined;
  times.forEach((t, i) => {
    const v = values[i];
    if (v === null || v === undefined || t < from) {
      last = undefined;
      return;
    }
    if (last === undefined || t - last > 2 * STEP) runs.push([]);
    runs.at(-1)!.push([t, v]);
    last = t;
  });
  return (
    <svg className="chart" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <path className="gl" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
      {limit === undefined ? null : <path className="limit" d={`M0 ${y(limit)}H${WIDTH}`} />}
      {runs.map((run) => {
        const first = run[0]!;
        const line = run.length > 1 ? run : [first, [first[0] + STEP, first[1]] as [number, number]];
        const d = line.map(([t, v], i) => `${i ? "L" : "M"}${x(t)} ${y(v)}`).join("");
        return (
          <g key={first[0]}>
            <path className="ar" d={`${d}V${HEIGHT}H${x(first[0])}Z`} />
            <path className="ln" d={d} />
          </g>
        );
      })}
    </svg>
  );
}
