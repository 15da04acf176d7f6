import { Ban, Ellipsis, Pin, Reply, Timer, Trash2, Unplug, UserPlus } from "lucide-react";
import { Menu, MenuHead, MenuItem, MenuLine, MenuRow } from "../ui/menu";
import type { Chatter } from "./Chat";
import type { Keeper } from "./keeper";
import type { ChatRoom, Line, Me } from "./room";

interface Props {
  line: Line;
  room: ChatRoom;
  me: Me;
  /** Absent where the server knows no moderation: then the room itself is asked. */
  keeper: Keeper | undefined;
  onReply?: ((line: Line) => void) | undefined;
  onInvite?: ((person: Chatter) => void) | undefined;
}

const spans = [
  { text: "1 m", label: "Time out 1 m, a minute", seconds: 60 },
  { text: "10 m", label: "Time out 10 m, ten minutes", seconds: 600 },
  { text: "1 h", label: "Time out 1 h, an hour", seconds: 3600 },
];

/** What the owner and moderators can do about a message. */
export function LineMenu({ line, room, me, keeper, onReply, onInvite }: Props) {
  const self = line.userId === me.userId;
  const above = !self && !line.host && (keeper?.owner || !line.mod);
  const invites = onInvite && !self;
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
      {keeper ? (
        <MenuItem icon={<Pin className="i" />} onSelect={() => keeper.pin(line)}>
          Pin
        </MenuItem>
      ) : null}
      {invites ? (
        <MenuItem icon={<UserPlus className="i" />} onSelect={() => onInvite({ userId: line.userId, name: line.name })}>
          Invite to the stage
        </MenuItem>
      ) : null}
      {onReply || keeper || invites ? <MenuLine /> : null}
      {me.mayDelete || keeper ? (
        <MenuItem
          danger
          icon={<Trash2 className="i" />}
          onSelect={() => (keeper ? keeper.remove(line) : room.deleteMessage(line))}
        >
          Delete message
        </MenuItem>
      ) : null}
      {keeper && above ? (
        <>
          <MenuRow
            icon={<Timer className="i" />}
            text="Time out"
            choices={spans.map(({ text, label, seconds }) => ({
              text,
              label,
              onSelect: () => keeper.timeOut(line, seconds),
            }))}
          />
          <MenuItem danger icon={<Ban className="i" />} onSelect={() => keeper.askBan(line)}>
            Ban from this channel
          </MenuItem>
        </>
      ) : null}
      {!keeper && me.mayDisconnect && !self ? (
        <MenuItem danger icon={<Unplug className="i" />} onSelect={() => room.disconnectUser(line)}>
          Disconnect {line.name}
        </MenuItem>
      ) : null}
    </Menu>
  );
}
