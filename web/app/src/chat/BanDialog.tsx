import { type FormEvent, useId, useState } from "react";
import { api } from "../api/endpoints";
import { Dialog } from "../ui/dialog";
import { points } from "../ui/format";
import { Spinner } from "../ui/states";
import { why } from "./keeper";
import type { Chatter } from "./Chat";

const REASON = 200;
const lengths = [
  { seconds: 0, text: "For good" },
  { seconds: 86_400, text: "1 day" },
  { seconds: 7 * 86_400, text: "7 days" },
  { seconds: 30 * 86_400, text: "30 days" },
];

interface Props {
  channel: string;
  person: Chatter & { guest: boolean };
  onClose: () => void;
}

/** Asks before somebody is kept out of a channel's chat. */
export function BanDialog({ channel, person, onClose }: Props) {
  const id = useId();
  const [reason, setReason] = useState("");
  const [seconds, setSeconds] = useState(0);
  const [working, setWorking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const over = points(reason.trim()) - REASON;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (working || over > 0) return;
    setWorking(true);
    setTrouble("");
    try {
      await api.ban(channel, { userId: person.userId, name: person.name, reason: reason.trim(), seconds });
      onClose();
    } catch (cause) {
      setTrouble(why(cause));
      setWorking(false);
    }
  };
  return (
    <Dialog title={`Ban ${person.name} from this channel?`} onClose={onClose}>
      <form className="stack stack-4" onSubmit={(event) => void submit(event)}>
        <p className="soft">
          They leave the chat at once and cannot come back in
          {person.guest ? ", also not as another guest from this browser" : ""}. They can still watch. You can lift the ban at
          any time.
        </p>
        <div className="field">
          <label htmlFor={`${id}-long`}>How long</label>
          <select
            id={`${id}-long`}
            className="select"
            value={seconds}
            onChange={(event) => setSeconds(Number(event.target.value))}
          >
            {lengths.map((l) => (
              <option key={l.seconds} value={l.seconds}>
                {l.text}
              </option>
            ))}
          </select>
        </div>
        <div className="field">
          <label htmlFor={`${id}-why`}>Reason</label>
          <input
            id={`${id}-why`}
            className="input"
            value={reason}
            autoComplete="off"
            aria-invalid={over > 0 || undefined}
            aria-describedby={`${id}-help`}
            onChange={(event) => setReason(event.target.value)}
          />
          <span id={`${id}-help`} className={over > 0 ? "err" : "help"}>
            {over > 0 ? `${over} characters too many.` : "Optional. They and your moderators see it."}
          </span>
        </div>
        {trouble ? (
          <p className="err" role="alert">
            {trouble}
          </p>
        ) : null}
        <div className="actions">
          <button type="button" className="btn" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="btn btn-bad" disabled={over > 0}>
            {working ? <Spinner label="Working:" /> : null}
            Ban
          </button>
        </div>
      </form>
    </Dialog>
  );
}
