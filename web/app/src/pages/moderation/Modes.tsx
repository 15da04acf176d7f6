import { useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import type { ChatModes, ChatState } from "../../api/types";
import { span } from "../../chat/order";
import { errorOf } from "./usePages";

const pauses = [0, 3, 5, 10, 30, 60, 120, 300];

interface Props {
  username: string;
  state: ChatState;
  /** How often something was taken back: the modes may be others then. */
  undone: number;
  onDone: () => void;
}

/** Rules for all who write: each holds as soon as it is chosen. */
export function Modes({ username, state, undone, onDone }: Props) {
  const [modes, setModes] = useState<ChatModes>(state);
  const [working, setWorking] = useState(false);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    if (undone === 0) return;
    const stop = new AbortController();
    api.chat(username, stop.signal).then(setModes, () => undefined);
    return () => stop.abort();
  }, [username, undone]);
  const change = async (what: Partial<ChatModes>) => {
    if (working) return;
    setWorking(true);
    setTrouble("");
    const before = modes;
    setModes({ ...modes, ...what });
    try {
      setModes(await api.setModes(username, what));
      onDone();
    } catch (cause) {
      setModes(before);
      setTrouble(errorOf(cause).message);
    } finally {
      setWorking(false);
    }
  };
  const choices = pauses.includes(modes.slowMode) ? pauses : [...pauses, modes.slowMode].sort((a, b) => a - b);
  return (
    <section className="panel" aria-labelledby="h-modes" aria-busy={working}>
      <div className="panel-head">
        <h2 id="h-modes">Who may write</h2>
      </div>
      <div className="panel-body stack stack-4">
        {state.available.slowMode ? (
          <div className="field">
            <label htmlFor="slow">Slow mode</label>
            <select
              id="slow"
              className="select"
              value={modes.slowMode}
              onChange={(event) => void change({ slowMode: Number(event.target.value) })}
            >
              {choices.map((s) => (
                <option key={s} value={s}>
                  {s === 0 ? "Off" : `One message every ${span(s, true)}`}
                </option>
              ))}
            </select>
          </div>
        ) : null}
        {state.available.noGuests ? (
          <Tick
            text="Guests may only read"
            help="Whoever has no account has to sign in to write."
            on={modes.noGuests}
            onChange={(noGuests) => void change({ noGuests })}
          />
        ) : null}
        {state.available.followersOnly ? (
          <Tick
            text="Only followers may write"
            help="You and your moderators may always write."
            on={modes.followersOnly}
            onChange={(followersOnly) => void change({ followersOnly })}
          />
        ) : null}
        <p className={trouble ? "small bad" : "small muted"} role="status">
          {trouble || "Holds at once, for all but you and the moderators."}
        </p>
      </div>
    </section>
  );
}

interface TickProps {
  text: string;
  help?: string;
  on: boolean;
  onChange: (on: boolean) => void;
}

export function Tick({ text, help, on, onChange }: TickProps) {
  return (
    <label className="mdr-tick">
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.target.checked)} />
      <span>
        <span className="m">{text}</span>
        {help ? <span className="small muted">{help}</span> : null}
      </span>
    </label>
  );
}
