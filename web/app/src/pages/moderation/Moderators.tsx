import { CircleAlert, UserPlus } from "lucide-react";
import { type FormEvent, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import { ago } from "../../ui/format";
import { Avatar, useNow } from "../../ui/marks";
import { Spinner } from "../../ui/states";
import { Waiting } from "./Waiting";
import { errorOf } from "./usePages";

interface Props {
  username: string;
  owner: boolean;
  onDone: () => void;
}

/** Who looks after the chat besides its owner, who alone names them. */
export function Moderators({ username, owner, onDone }: Props) {
  const now = useNow();
  const { data, error, reload } = useResource(`moderators ${username}`, (signal) => api.moderators(username, signal));
  const [name, setName] = useState("");
  const [working, setWorking] = useState("");
  const [trouble, setTrouble] = useState("");
  const act = async (what: string, call: Promise<unknown>) => {
    setWorking(what);
    setTrouble("");
    try {
      await call;
      if (what === "+") setName("");
      reload();
      onDone();
    } catch (cause) {
      const failed = errorOf(cause);
      setTrouble(what === "+" && failed.status === 404 ? "Nobody here has that username." : failed.message);
    } finally {
      setWorking("");
    }
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() && !working) void act("+", api.addModerator(username, name.trim()));
  };
  return (
    <section className="panel" aria-labelledby="h-mods">
      <div className="panel-head">
        <h2 id="h-mods">Moderators</h2>
        {data?.moderators.length ? <span className="muted num">{data.moderators.length}</span> : null}
      </div>
      <div className="panel-body stack stack-4">
        {owner ? (
          <form className="field" onSubmit={add}>
            <label htmlFor="mod-name">Add by username</label>
            <div className="mdr-add">
              <input
                id="mod-name"
                className="input"
                value={name}
                autoComplete="off"
                autoCapitalize="none"
                spellCheck={false}
                aria-invalid={trouble ? true : undefined}
                aria-describedby="mod-help"
                onChange={(event) => setName(event.target.value)}
              />
              <button type="submit" className="btn" disabled={!name.trim()}>
                {working === "+" ? <Spinner label="Adding" /> : <UserPlus className="i" />}
                Add
              </button>
            </div>
            <span id="mod-help" className={trouble ? "err" : "help"} role={trouble ? "alert" : undefined}>
              {trouble ? (
                <>
                  <CircleAlert className="i" />
                  {trouble}
                </>
              ) : (
                "They delete messages, time out and ban, but never you or each other."
              )}
            </span>
          </form>
        ) : null}
        {!data ? (
          <Waiting error={error} retry={reload} />
        ) : data.moderators.length === 0 ? (
          <p className="t13 muted">{owner ? "Nobody yet: you look after the chat alone." : "Nobody."}</p>
        ) : (
          <ul className="mdr-list">
            {data.moderators.map((m) => (
              <li key={m.userId}>
                <Avatar name={m.username} size={28} />
                <span className="grow mdr-who">
                  <span className="m clip1">{m.username}</span>
                  <span className="small muted">since {ago(m.addedAt, now)}</span>
                </span>
                {owner ? (
                  <button
                    type="button"
                    className="btn btn-sm"
                    aria-label={`Remove ${m.username}`}
                    disabled={working !== ""}
                    onClick={() => void act(m.username, api.removeModerator(username, m.username))}
                  >
                    {working === m.username ? <Spinner label="Working:" /> : null}
                    Remove
                  </button>
                ) : null}
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
