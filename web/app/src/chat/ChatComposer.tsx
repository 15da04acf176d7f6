import { MessageSquareLock, Reply, SendHorizontal, Timer, UserLock, X } from "lucide-react";
import { type FormEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import { Link, useAddress } from "../router/router";
import { clock, points } from "../ui/format";
import { moderates, span } from "./order";
import type { Line, RoomView } from "./room";

const LIMIT = 500;
/** From here on the counter is said aloud, too. */
const NEAR = 450;

interface Props {
  view: RoomView;
  guest: boolean;
  /** The message that is being answered. */
  answered: Line | undefined;
  onForget: () => void;
  onSend: (text: string) => void;
}

export function ChatComposer({ view, guest, answered, onForget, onSend }: Props) {
  const [text, setText] = useState("");
  const field = useRef<HTMLTextAreaElement>(null);
  const counter = useId();
  const { pathname } = useAddress();
  const length = points(text.trim());
  const tooLong = length > LIMIT;
  const { role, modes, timedOutUntil, nextAt } = view.order;
  const keeps = moderates(role);
  const until = Math.max(timedOutUntil, nextAt);
  const now = useTime(until);
  const out = timedOutUntil - now;
  const pause = keeps ? 0 : Math.ceil((nextAt - now) / 1000);
  const shut = out > 0 || (guest && modes.noGuests);
  const ready = view.state.name === "open" && (view.me?.mayWrite ?? false) && !shut && pause <= 0;
  const sendable = ready && length > 0 && !tooLong;

  useEffect(() => {
    if (answered) field.current?.focus();
  }, [answered]);

  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    if (!sendable) return;
    onSend(text.trim());
    setText("");
    field.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Escape" && answered) onForget();
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  };
  const signIn = (
    <Link className="link under" href={`/signin?next=${encodeURIComponent(pathname)}`}>
      Sign in
    </Link>
  );
  if (view.state.name === "open" && out > 0)
    return (
      <p className="composer composer-shut" role="status">
        <Timer className="i" />
        <span>
          You are timed out for <b className="num">{clock(Math.ceil(out / 1000) * 1000)}</b>. You can go on reading.
        </span>
      </p>
    );
  if (view.state.name === "open" && guest && modes.noGuests)
    return (
      <p className="composer composer-shut">
        <UserLock className="i" />
        <span>Guests may only read here now. {signIn} to write.</span>
      </p>
    );
  if (view.me && !view.me.mayWrite)
    return (
      <p className="composer composer-shut">
        <MessageSquareLock className="i" />
        {modes.followersOnly ? "Only followers may write here now." : "You can read this chat, not write in it."}
      </p>
    );
  return (
    <form className="composer" onSubmit={submit}>
      {answered ? (
        <div className="composer-re">
          <Reply className="i i-sm" />
          <span className="clip1 grow">
            <span className="sr">In reply to </span>
            <b>{answered.name}</b> {answered.text}
          </span>
          <button type="button" className="btn btn-ghost btn-icon btn-sm" aria-label="Do not reply" onClick={onForget}>
            <X className="i i-sm" />
          </button>
        </div>
      ) : null}
      <div className="composer-box">
        <textarea
          ref={field}
          rows={1}
          placeholder={
            view.order.ban
              ? "You cannot write here"
              : view.state.name === "removed"
                ? "Join again to write"
                : "Say something kind"
          }
          aria-label="Message"
          aria-describedby={counter}
          aria-invalid={tooLong || undefined}
          value={text}
          enterKeyHint="send"
          disabled={view.state.name === "removed" || view.state.name === "refused"}
          onChange={(event) => setText(event.target.value.replace(/\n+/g, " "))}
          onKeyDown={onKey}
        />
        <button type="submit" className="btn btn-ghost btn-icon btn-sm" aria-label="Send" disabled={!sendable}>
          <SendHorizontal className="i" />
        </button>
      </div>
      <div className="composer-foot">
        <span className="clip1">
          {tooLong ? (
            <span className="bad">{length - LIMIT} too many</span>
          ) : guest && view.me && modes.slowMode === 0 ? (
            <>
              You are {view.me.name}. {signIn}
            </>
          ) : null}
          {tooLong || keeps ? null : modes.slowMode > 0 ? (
            <span className="num">
              {pause > 0
                ? `You can write again in ${span(pause, true)}`
                : `Slow mode: one message every ${span(modes.slowMode, true)}`}
            </span>
          ) : modes.followersOnly ? (
            guest ? null : (
              "Only followers may write"
            )
          ) : null}
        </span>
        <span className={tooLong ? "num bad" : "num"} id={counter} aria-live={length > NEAR ? "polite" : "off"}>
          {length} / {LIMIT}
          <span className="sr"> characters</span>
        </span>
      </div>
    </form>
  );
}

/** The time, as long as something is waited for. */
function useTime(until: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    if (until <= Date.now()) return;
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) clearInterval(timer);
    }, 250);
    return () => clearInterval(timer);
  }, [until]);
  return now;
}
