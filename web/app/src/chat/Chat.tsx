import { PanelRightClose, Shield } from "lucide-react";
import { useCallback, useEffect, useEffectEvent, useMemo, useState, useSyncExternalStore } from "react";
import { api } from "../api/endpoints";
import { Link } from "../router/router";
import { BanDialog } from "./BanDialog";
import { ChatComposer } from "./ChatComposer";
import { ChatLog } from "./ChatLog";
import { ChatStatus } from "./ChatStatus";
import { Pinned } from "./Pinned";
import { keeperOf } from "./keeper";
import { moderates } from "./order";
import { ChatRoom, type Line, type RoomEvent } from "./room";
import "./chat.css";

/** A person as the chat knows them. */
export interface Chatter {
  userId: string;
  name: string;
}

interface Props {
  channel: string;
  available: boolean;
  /** Whose session this is; another person gets another connection. */
  account: string | undefined;
  /** Absent where the chat stays. */
  onHide?: () => void;
  /** Out of sight, yet still in the room: what it tells still arrives. */
  hidden?: boolean;
  /** Hears the room's events, together with who one is in it. */
  onEvent?: (event: RoomEvent, userId: string | undefined) => void;
  /** The room, while there is one. */
  onRoom?: (room: ChatRoom | undefined) => void;
  /** Invites whoever wrote a line to the stage; the owner alone has it. */
  onInvite?: (person: Chatter, room: ChatRoom) => void;
}

export default function Chat({ channel, available, account, onHide, hidden = false, onEvent, onRoom, onInvite }: Props) {
  const [room, setRoom] = useState<ChatRoom>();
  const hear = useEffectEvent((event: RoomEvent, me: string | undefined) => onEvent?.(event, me));
  const tell = useEffectEvent((now: ChatRoom | undefined) => onRoom?.(now));
  useEffect(() => {
    if (!available) return;
    const opened = new ChatRoom({
      token: (signal) => api.chatToken(channel, signal),
      order: (signal) => api.chat(channel, signal),
    });
    opened.listen((event) => hear(event, opened.view().me?.userId));
    opened.open();
    setRoom(opened);
    tell(opened);
    return () => {
      opened.close();
      setRoom(undefined);
      tell(undefined);
    };
  }, [channel, available, account]);

  return (
    <aside className="chat" aria-label="Chat" hidden={hidden}>
      <div className="chat-head">
        <h2>Chat</h2>
        <span className="grow" />
        {room && account !== undefined ? <Shielded room={room} channel={channel} /> : null}
        {onHide ? (
          <button type="button" className="btn btn-ghost btn-icon btn-sm chat-hide" aria-label="Hide chat" onClick={onHide}>
            <PanelRightClose className="i" />
          </button>
        ) : null}
      </div>
      {room ? (
        <OpenChat
          room={room}
          channel={channel}
          guest={account === undefined}
          own={account?.toLowerCase() === channel.toLowerCase()}
          onInvite={onInvite}
        />
      ) : (
        <p className="chat-empty">{available ? "Joining the chat…" : "Chat is not available on this channel right now."}</p>
      )}
    </aside>
  );
}

interface OpenProps {
  room: ChatRoom;
  channel: string;
  guest: boolean;
  own: boolean;
  onInvite: Props["onInvite"];
}

/** The way to the page of who keeps order here. */
function Shielded({ room, channel }: { room: ChatRoom; channel: string }) {
  const { order } = useSyncExternalStore(room.subscribe, room.view);
  if (!moderates(order.role)) return null;
  return (
    <Link
      className="btn btn-ghost btn-icon btn-sm"
      href={`/c/${encodeURIComponent(channel)}/moderation`}
      aria-label="Moderation"
      title="Moderation"
    >
      <Shield className="i" />
    </Link>
  );
}

function OpenChat({ room, channel, guest, own, onInvite }: OpenProps) {
  const view = useSyncExternalStore(room.subscribe, room.view);
  const [answered, setAnswered] = useState<Line>();
  const onReply = useCallback((line: Line) => setAnswered(line), []);
  const [toBan, setToBan] = useState<Line>();
  const { role, pinned, ban } = view.order;
  const keeper = useMemo(
    () => (moderates(role) ? keeperOf(channel, room, role === "owner", setToBan) : undefined),
    [channel, room, role],
  );
  return (
    <>
      {pinned ? <Pinned key={pinned.messageId} pinned={pinned} onUnpin={keeper?.unpin} /> : null}
      <ChatLog room={room} view={view} channel={channel} own={own} keeper={keeper} onReply={onReply} onInvite={onInvite} />
      <ChatStatus state={view.state} ban={ban} onRejoin={() => room.open()} />
      <ChatComposer
        view={view}
        guest={guest}
        answered={answered}
        onForget={() => setAnswered(undefined)}
        onSend={(text) => {
          room.send(text, answered?.id);
          setAnswered(undefined);
        }}
      />
      {toBan ? <BanDialog channel={channel} person={toBan} onClose={() => setToBan(undefined)} /> : null}
    </>
  );
}
