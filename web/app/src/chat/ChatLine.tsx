import { Ellipsis, Info, Radio, Reply, RotateCw, Trash2, Unplug, User, UserPlus, X } from "lucide-react";
import { Menu, MenuHead, MenuItem, MenuLine } from "../ui/menu";
import { nameClass } from "../ui/person";
import type { Chatter } from "./Chat";
import type { ChatRoom, Line, Me } from "./room";
import { names, pieces } from "./text";

interface Props {
  line: Line;
  room: ChatRoom;
  me: Me | undefined;
  moderate: boolean;
  /** The message that this one answers, if it is still among the lines. */
  quoted?: Line | undefined;
  onReply?: ((line: Line) => void) | undefined;
  onInvite?: ((person: Chatter) => void) | undefined;
}

export function ChatLine({ line, room, me, moderate, quoted, onReply, onInvite }: Props) {
  if (line.kind === "note") {
    return (
      <li className="sys">
        <Info className="i" />
        {line.text}
      </li>
    );
  }
  if (line.state === "removed") return <li className="msg gone">{line.name}’s message was removed</li>;
  const forMe = me !== undefined && line.userId !== me.userId && (names(line.text, me.name) || quoted?.userId === me.userId);
  const manage = moderate && line.state === "sent" && me !== undefined && (me.mayDelete || line.userId !== me.userId);
  return (
    <li className={`msg is-${line.state}${forMe ? " mention" : ""}`}>
      {line.replyTo ? <Quote line={quoted} /> : null}
      <Who line={line} />
      {forMe ? <span className="sr">(to you) </span> : null}
      <Text text={line.text} />
      {line.state === "pending" ? <span className="sr"> (being sent)</span> : null}
      {line.state === "failed" ? <Failed line={line} room={room} /> : null}
      {line.state === "sent" && (onReply || manage) ? (
        <span className="tools">
          {onReply ? (
            <button
              type="button"
              className="btn btn-ghost btn-icon quick"
              aria-label={`Reply to ${line.name}`}
              onClick={() => onReply(line)}
            >
              <Reply className="i i-sm" />
            </button>
          ) : null}
          {manage ? <Tools line={line} room={room} me={me} onReply={onReply} onInvite={onInvite} /> : null}
        </span>
      ) : null}
    </li>
  );
}

/** What a message answers: one short line above it. What it says is taken from the message itself, never from the answer. */
function Quote({ line }: { line: Line | undefined }) {
  return (
    <span className="re">
      <Reply className="i" />
      <span className="sr">In reply to </span>
      <span className="clip1">
        {line === undefined
          ? "an earlier message"
          : line.state === "removed"
            ? "a message that was removed"
            : `${line.name}: ${line.text}`}
      </span>
    </span>
  );
}

function Text({ text }: { text: string }) {
  return pieces(text).map((piece, at) => {
    const key = `${at}`;
    if (piece.kind === "text") return <span key={key}>{piece.text}</span>;
    if (piece.kind === "mention")
      return (
        <span key={key} className="at">
          {piece.text}
        </span>
      );
    return (
      <a key={key} className="link under" href={piece.href} target="_blank" rel="noopener noreferrer nofollow ugc">
        {piece.text}
      </a>
    );
  });
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
function Tools({ line, room, me, onReply, onInvite }: Omit<Props, "me" | "moderate" | "quoted"> & { me: Me }) {
  const self = line.userId === me.userId;
  return (
    <Menu
      label={`Message by ${line.name}`}
      trigger={
        <button type="button" className="btn btn-ghost btn-icon" aria-label={`More for ${line.name}’s message`}>
          <Ellipsis className="i i-sm" />
        </button>
      }
    >
      <MenuHead title={line.name} {...(line.guest ? { detail: "Guest" } : {})} />
      {onReply ? (
        <MenuItem icon={<Reply className="i" />} onSelect={() => onReply(line)}>
          Reply
        </MenuItem>
      ) : null}
      {onInvite && !self ? (
        <MenuItem icon={<UserPlus className="i" />} onSelect={() => onInvite({ userId: line.userId, name: line.name })}>
          Invite to the stage
        </MenuItem>
      ) : null}
      {onReply || (onInvite && !self) ? <MenuLine /> : null}
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
  );
}
