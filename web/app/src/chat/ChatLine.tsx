import { Info, Radio, Reply, RotateCw, Shield, User, X } from "lucide-react";
import { nameClass } from "../ui/person";
import type { Chatter } from "./Chat";
import { LineMenu } from "./LineMenu";
import type { Keeper } from "./keeper";
import type { ChatRoom, Line, Me } from "./room";
import { names, pieces } from "./text";

interface Props {
  line: Line;
  room: ChatRoom;
  me: Me | undefined;
  moderate: boolean;
  keeper?: Keeper | undefined;
  /** The message that this one answers, if it is still among the lines. */
  quoted?: Line | undefined;
  onReply?: ((line: Line) => void) | undefined;
  onInvite?: ((person: Chatter) => void) | undefined;
}

export function ChatLine({ line, room, me, moderate, keeper, quoted, onReply, onInvite }: Props) {
  if (line.state === "vanished") return null;
  if (line.kind === "mark") return <li className="sys sys-line">{line.text}</li>;
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
  const manage = moderate && line.state === "sent" && me !== undefined && (keeper || me.mayDelete || line.userId !== me.userId);
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
          {manage ? <LineMenu line={line} room={room} me={me} keeper={keeper} onReply={onReply} onInvite={onInvite} /> : null}
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
          : line.state === "removed" || line.state === "vanished"
            ? "a message that was removed"
            : `${line.name}: ${line.text}`}
      </span>
    </span>
  );
}

export function Text({ text }: { text: string }) {
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
      ) : line.mod ? (
        <span className="cbadge cb-mod" title="Moderator">
          <Shield className="i" />
          <span className="sr">Moderator </span>
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
