import { ArrowDown } from "lucide-react";
import { memo, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { count } from "../ui/format";
import type { Chatter } from "./Chat";
import { ChatLine } from "./ChatLine";
import type { Keeper } from "./keeper";
import type { ChatRoom, Line, RoomView } from "./room";

interface Props {
  room: ChatRoom;
  view: RoomView;
  channel: string;
  /** The reader's own channel. */
  own: boolean;
  keeper: Keeper | undefined;
  onReply: (line: Line) => void;
  onInvite: ((person: Chatter, room: ChatRoom) => void) | undefined;
}

/**
 * The lines, newest at the bottom. Who scrolls up to read is left in peace: what is shown then stands
 * still, and a button says how much has come since.
 */
export function ChatLog({ room, view, channel, own, keeper, onReply, onInvite }: Props) {
  const list = useRef<HTMLDivElement>(null);
  // One function for all rows and all times, so that a new line does not draw the old ones again.
  const latest = useRef(onInvite);
  useEffect(() => {
    latest.current = onInvite;
  });
  const invite = useCallback((person: Chatter) => latest.current?.(person, room), [room]);
  const [held, setHeld] = useState<RoomView>();

  const onScroll = () => {
    const up = -(list.current?.scrollTop ?? 0); // column-reverse: zero at the newest line, negative above
    if (up < 4) setHeld(undefined);
    else if (up > 32) setHeld((now) => now ?? view);
  };
  const resume = () => {
    setHeld(undefined);
    list.current?.scrollTo({ top: 0 });
    list.current?.focus({ preventScroll: true });
  };

  if (held && held.written !== view.written) setHeld(undefined);
  useLayoutEffect(() => {
    list.current?.scrollTo({ top: 0 });
  }, [view.written]);

  const lines = held ? fresh(held.lines, view.lines) : view.lines;
  const missed = held ? view.total - held.total : 0;
  const byId = new Map(lines.map((line) => [line.id, line]));
  const open = view.state.name === "open";
  const moderate = open && (keeper || view.me?.mayDelete || view.me?.mayDisconnect);
  return (
    <div className="chat-body">
      <div
        ref={list}
        className="chat-list"
        role="log"
        aria-label="Messages"
        aria-live={view.busy || held ? "off" : "polite"}
        tabIndex={0}
        onScroll={onScroll}
      >
        <ul>
          {lines.length === 0 ? (
            <li className="chat-empty">
              {view.past ? "Nothing said yet." : "Nothing said since you came."}
              {own ? "" : ` Say hello to ${channel}.`}
            </li>
          ) : null}
          {lines.map((line) => (
            <Row
              key={line.key}
              line={line}
              room={room}
              me={view.me}
              moderate={Boolean(moderate)}
              keeper={keeper}
              quoted={line.replyTo ? byId.get(line.replyTo) : undefined}
              onReply={open && view.me?.mayWrite ? onReply : undefined}
              {...(onInvite ? { onInvite: invite } : {})}
            />
          ))}
        </ul>
      </div>
      {missed > 0 ? (
        <button type="button" className="btn btn-primary btn-sm chat-new" onClick={resume}>
          <ArrowDown className="i i-sm" />
          {missed === 1 ? "1 new message" : `${count(missed)} new messages`}
        </button>
      ) : null}
    </div>
  );
}

const Row = memo(ChatLine);

/** What was shown, as it is now: a message removed in the meantime is removed here, too. */
function fresh(held: readonly Line[], now: readonly Line[]): readonly Line[] {
  const byKey = new Map(now.map((line) => [line.key, line]));
  return held.map((line) => byKey.get(line.key) ?? line);
}
