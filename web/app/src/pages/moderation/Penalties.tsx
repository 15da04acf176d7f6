import { useCallback, useState } from "react";
import { api } from "../../api/endpoints";
import type { ChatPenalty } from "../../api/types";
import { ago } from "../../ui/format";
import { Avatar, useNow } from "../../ui/marks";
import { Spinner } from "../../ui/states";
import { Waiting } from "./Waiting";
import { errorOf, usePages } from "./usePages";
import { untilWords } from "./words";

const kinds = {
  bans: { title: "Bans", none: "Nobody is banned. Ban somebody from the menu of what they wrote in the chat." },
  timeOuts: { title: "Time-outs", none: "Nobody is timed out right now." },
};

/** Who may not write, why, and for how long. */
export function Penalties({ username, onDone }: { username: string; onDone: () => void }) {
  const [kind, setKind] = useState<keyof typeof kinds>("bans");
  return (
    <section className="panel" aria-labelledby="h-pen">
      <div className="panel-head mdr-head">
        <h2 id="h-pen" className="grow">
          Kept out
        </h2>
        <div className="seg" role="radiogroup" aria-label="Which">
          {(["bans", "timeOuts"] as const).map((k) => (
            <label key={k}>
              <input type="radio" name="kind" checked={kind === k} onChange={() => setKind(k)} />
              {kinds[k].title}
            </label>
          ))}
        </div>
      </div>
      <List key={kind} kind={kind} username={username} onDone={onDone} />
    </section>
  );
}

function List({ kind, username, onDone }: { kind: keyof typeof kinds; username: string; onDone: () => void }) {
  const now = useNow();
  const load = useCallback(
    async (after: string) => {
      if (kind === "bans") {
        const { bans, next } = await api.bans(username, after);
        return { items: bans, next };
      }
      const { timeOuts, next } = await api.timeOuts(username, after);
      return { items: timeOuts, next };
    },
    [kind, username],
  );
  const list = usePages(load);
  const [working, setWorking] = useState("");
  const [trouble, setTrouble] = useState<{ userId: string; words: string }>();
  const lift = async ({ userId }: ChatPenalty) => {
    setWorking(userId);
    setTrouble(undefined);
    try {
      await (kind === "bans" ? api.liftBan : api.liftTimeOut)(username, userId);
      list.drop((p) => p.userId === userId);
      onDone();
    } catch (cause) {
      setTrouble({ userId, words: errorOf(cause).message });
    } finally {
      setWorking("");
    }
  };
  if (!list.items)
    return (
      <div className="panel-body">
        <Waiting error={list.error} retry={list.reload} />
      </div>
    );
  const left = list.items.filter((p) => !p.until || Date.parse(p.until) > now);
  return (
    <div className="panel-body">
      {left.length === 0 ? <p className="t13 muted">{kinds[kind].none}</p> : null}
      <ul className="mdr-list">
        {left.map((p) => (
          <li key={p.userId}>
            <Avatar name={p.name} size={28} />
            <span className="grow mdr-who">
              <span className="clip1">
                <span className="m">{p.name}</span> <span className="small muted">{untilWords(p.until, now)}</span>
              </span>
              <span className="small muted">
                {p.reason ? `${p.reason} · ` : ""}
                {ago(p.madeAt, now)}
              </span>
              {trouble?.userId === p.userId ? (
                <span className="small bad" role="alert">
                  {trouble.words}
                </span>
              ) : null}
            </span>
            <button
              type="button"
              className="btn btn-sm"
              aria-label={`Lift: ${p.name}`}
              disabled={working !== ""}
              onClick={() => void lift(p)}
            >
              {working === p.userId ? <Spinner label="Working:" /> : null}
              Lift
            </button>
          </li>
        ))}
      </ul>
      {list.error ? <Waiting error={list.error} retry={list.loadMore} /> : null}
      {list.more && !list.error ? (
        <button type="button" className="btn btn-sm mdr-more" disabled={list.loading} onClick={list.loadMore}>
          {list.loading ? <Spinner label="Working:" /> : null}
          Show more
        </button>
      ) : null}
    </div>
  );
}
