import { Check, CircleAlert, Circle, Minus, TriangleAlert } from "lucide-react";
import { type Row, type Verdict, groups, titles } from "../../check/rows";
import type { Rows } from "../../check/verdict";

const words: Readonly<Record<Verdict, string>> = {
  waiting: "Waiting",
  running: "Being tried",
  good: "Works",
  note: "Not needed",
  warn: "Could be better",
  bad: "Does not work",
  skip: "Not tried",
};

/** The sign of a verdict; its colour is never the only difference. */
export function Sign({ verdict }: { verdict: Verdict }) {
  return (
    <span className="chk-sign" data-verdict={verdict}>
      {verdict === "running" ? <span className="spin" aria-hidden="true" /> : <Icon verdict={verdict} />}
      <span className="sr">{words[verdict]}: </span>
    </span>
  );
}

function Icon({ verdict }: { verdict: Verdict }) {
  switch (verdict) {
    case "good":
      return <Check className="i" />;
    case "warn":
      return <TriangleAlert className="i" />;
    case "bad":
      return <CircleAlert className="i" />;
    case "waiting":
      return <Circle className="i i-sm" />;
    default:
      return <Minus className="i" />;
  }
}

/** Every test with what it found. */
export function Findings({ rows }: { rows: Rows }) {
  return (
    <div className="panel chk-list">
      {groups.map((group) => (
        <section key={group.title}>
          <h3>{group.title}</h3>
          <ul>
            {group.rows.map((id) => (
              <Finding key={id} id={id} row={rows[id]} title={titles[id]} />
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function Finding({ id, row, title }: { id: string; row: Row; title: string }) {
  return (
    <li data-check={id} data-verdict={row.verdict}>
      <Sign verdict={row.verdict} />
      <div className="grow">
        <p className="chk-title">{title}</p>
        {row.says ? <p className="t13 muted num">{row.says}</p> : null}
        {row.todo ? <p className="t13 chk-todo">{row.todo}</p> : null}
      </div>
    </li>
  );
}
