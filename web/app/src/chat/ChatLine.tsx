import { Ellipsis, Info, Radio, RotateCw, Trash2, Unplug, User, UserPlus, X } from "lucide-react";
import { Menu, MenuHead, MenuItem, MenuLine } from "../ui/menu";
import { nameClass } from "../ui/person";
import type { Chatter } from "./Chat";
import type { ChatRoom, Line, Me } from "./room";

interface Props {
  line: Line;
  room: ChatRoom;
  me: Me | undefined;
  moderate: boolean;
  onInvite?: (person: Chatter) => void;
}

export function ChatLine({ line, room, me, moderate, onInvite }: Props) {
  if (line.kind === "note") {
    return (
      <li className="sys">
        <Info className="i" />
        {line.text}
      </li>
    );
  }
  if (line.state === "removed") return <li className="msg gone">{line.name}’s message was removed</li>;
  return (
    <li className={`msg is-${line.state}`}>
      <Who line={line} />
      {line.text}
      {line.state === "pending" ? <span className="sr"> (being sent)</span> : null}
      {line.state === "failed" ? <Failed line={line} room={room} /> : null}
      {moderate && line.state === "sent" && me ? <Tools line={line} room={room} me={me} onInvite={onInvite} /> : null}
    </li>
  );
}

function Who({ line }: { line: Line }) {
  return (
    <span className={`who ${line.guest ? "guest" : nameClass(line.userId)}`}>
      {line.host ? (
        <span className="cbadge cb-host" title="Streamer">
          <Radio className="i" />
          <span className="sr">Streamer </span>
        </span>
      ) : line.guest ? (
        <span className="cbadge cb-guest" title="Guest">
          <User className="i" />
        </span>
      ) : null}
      {line.name}
      <span className="sr">: </span>
    </span>
  );
}

function Failed({ line, room }: { line: Line; room: ChatRoom }) {
  return (
    <span className="msg-trouble" role="alert">
      {line.trouble}
      <button type="button" className="btn btn-ghost btn-sm" onClick={() => room.retry(line.key)}>
        <RotateCw className="i i-sm" />
        Send again
      </button>
      <button
        type="button"
        className="btn btn-ghost btn-icon btn-sm"
        aria-label="Drop this message"
        onClick={() => room.dismiss(line.key)}
      >
        <X className="i i-sm" />
      </button>
    </span>
  );
}

/** What the owner can do about a message. */
function Tools({ line, room, me, onInvite }: { line: Line; room: ChatRoom; me: Me; onInvite: Props["onInvite"] }) {
  const self = line.userId === me.userId;
  if (!me.mayDelete && self) return null;
  return (
    <span className="tools">
      <Menu
        label={`Message by ${line.name}`}
        trigger={
          <button type="button" className="btn btn-ghost btn-icon" aria-label={`More for ${line.name}’s message`}>
            <Ellipsis className="i i-sm" />
          </button>
        }
      >
        <MenuHead title={line.name} {...(line.guest ? { detail: "Guest" } : {})} />
        {onInvite && !self ? (
          <>
            <MenuItem icon={<UserPlus className="i" />} onSelect={() => onInvite({ userId: line.userId, name: line.name })}>
              Invite to the stage
            </MenuItem>
            <MenuLine />
          </>
        ) : null}
        {me.mayDelete ? (
          <MenuItem danger icon={<Trash2 className="i" />} onSelect={() => room.deleteMessage(line)}>
            Delete message
          </MenuItem>
        ) : null}
        {me.mayDisconnect && !self ? (
          <MenuItem danger icon={<Unplug className="i" />} onSelect={() => room.disconnectUser(line)}>
            Disconnect {line.name}
          </MenuItem>
        ) : null}
      </Menu>
    </span>
  );
}
