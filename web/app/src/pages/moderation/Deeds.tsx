import { Undo2 } from "lucide-react";
import { useCallback, useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import type { ChatDeed } from "../../api/types";
import { ago } from "../../ui/format";
import { useNow } from "../../ui/marks";
import { Spinner } from "../../ui/states";
import { Waiting } from "./Waiting";
import { errorOf, usePages } from "./usePages";
import { deedWords } from "./words";

interface Props {
  username: string;
  /** How often something was done on this page: the log has it, too. */
  done: number;
  onUndone: () => void;
}

/** What was done to keep order, the newest first; some of it can be taken back. */
export function Deeds({ username, done, onUndone }: Props) {
  const now = useNow();
  const load = useCallback(
    async (after: string) => {
      const { entries, next } = await api.chatLog(username, after);
      return { items: entries, next };
    },
    [username],
  );
  const { items, error, loading, more, loadMore, reload } = usePages(load);
  useEffect(() => {
    if (done > 0) reload();
  }, [done, reload]);
  const [working, setWorking] = useState("");
  const [trouble, setTrouble] = useState<{ id: string; words: string }>();
  const undo = async ({ id }: ChatDeed) => {
    setWorking(id);
    setTrouble(undefined);
    try {
      await api.undo(username, id);
      reload();
      onUndone();
    } catch (cause) {
      setTrouble({ id, words: errorOf(cause).message });
    } finally {
      setWorking("");
    }
  };
  return (
    <section className="panel" aria-labelledby="h-log">
      <div className="panel-head">
        <h2 id="h-log">What was done</h2>
      </div>
      <div className="panel-body">
        {!items ? <Waiting error={error} retry={reload} /> : null}
        {items?.length === 0 ? (
          <p className="t13 muted">Nothing yet. Whatever you or your moderators do is noted here.</p>
        ) : null}
        <ol className="mdr-list">
          {items?.map((d) => {
            const { did, about } = deedWords(d);
            return (
              <li key={d.id} data-undone={d.undoneAt !== null || undefined}>
                <span className="grow mdr-who">
                  <span className="t13">
                    <b className="m">{d.actor}</b> {did}
                  </span>
                  {about ? <span className="small muted mdr-about">{about}</span> : null}
                  <span className="small muted">
                    {ago(d.at, now)}
                    {d.undoneAt ? ` · taken back by ${d.undoneBy ?? "somebody"}` : ""}
                  </span>
                  {trouble?.id === d.id ? (
                    <span className="small bad" role="alert">
                      {trouble.words}
                    </span>
                  ) : null}
                </span>
                {d.canUndo ? (
                  <button
                    type="button"
                    className="btn btn-sm"
                    aria-label={`Undo: ${d.actor} ${did}`}
                    disabled={working !== ""}
                    onClick={() => void undo(d)}
                  >
                    {working === d.id ? <Spinner label="Working:" /> : <Undo2 className="i i-sm" />}
                    Undo
                  </button>
                ) : null}
              </li>
            );
          })}
        </ol>
        {items && error ? <Waiting error={error} retry={loadMore} /> : null}
        {more && !error ? (
          <button type="button" className="btn btn-sm mdr-more" disabled={loading} onClick={loadMore}>
            {loading ? <Spinner label="Working:" /> : null}
            Show more
          </button>
        ) : null}
      </div>
    </section>
  );
}
