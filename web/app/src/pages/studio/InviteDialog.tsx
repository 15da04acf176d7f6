import { Check, UserPlus } from "lucide-react";
import { useState, useSyncExternalStore } from "react";
import type { Invitation } from "../../api/types";
import type { Chatter } from "../../chat/Chat";
import type { ChatRoom, RoomView } from "../../chat/room";
import { CopyButton } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { Avatar, useNow } from "../../ui/marks";
import { stateNow } from "../../stage/invitation";

interface Props {
  room: ChatRoom | undefined;
  address: string;
  /** User ids of those who are on the stage already. */
  away: ReadonlySet<string>;
  invitations: readonly Invitation[];
  /** Gives what went wrong; nothing when it went well. */
  onInvite: (who: Chatter) => Promise<string>;
  onClose: () => void;
}

const nobody = () => () => undefined;

/** Those who wrote lately: who is in the chat can be asked onto the stage. */
export function InviteDialog({ room, address, away, invitations, onInvite, onClose }: Props) {
  const view = useSyncExternalStore(room?.subscribe ?? nobody, () => room?.view());
  const now = useNow();
  const check = new URL("/check", location.origin).href;
  const [trouble, setTrouble] = useState("");
  const [asking, setAsking] = useState("");
  const waiting = new Set(invitations.filter((i) => stateNow(i, new Set(), now) === "waiting").map((i) => i.userId));
  const people = chatters(view).filter((c) => !away.has(c.userId));
  const ask = async (who: Chatter) => {
    setTrouble("");
    setAsking(who.userId);
    const failed = await onInvite(who);
    setAsking("");
    if (failed) setTrouble(`Not invited: ${who.name}. ${failed}`);
  };
  return (
    <Dialog title="Invite to the stage" onClose={onClose}>
      <p className="soft">
        {people.length > 0
          ? "People in your chat. They get a link that works for them alone, for a while."
          : "Nobody has written in your chat yet. Send your channel’s link to your guest; once they say something, you can invite them here."}
      </p>
      {people.length > 0 ? (
        <ul className="st-invite">
          {people.map((who) => (
            <li key={who.userId}>
              <Avatar name={who.name} size={28} />
              <span className="grow m clip1">{who.name}</span>
              {waiting.has(who.userId) ? (
                <span className="badge badge-good">
                  <Check className="i" />
                  Invited
                </span>
              ) : (
                <button
                  type="button"
                  className="btn btn-sm btn-soft"
                  aria-label={`Invite ${who.name}`}
                  disabled={asking === who.userId}
                  onClick={() => void ask(who)}
                >
                  <UserPlus className="i i-sm" />
                  Invite
                </button>
              )}
            </li>
          ))}
        </ul>
      ) : (
        <div className="copy">
          <code>{address}</code>
          <CopyButton text={address} what="your channel’s link" />
        </div>
      )}
      <div className="stack">
        <p className="t13 muted">Before the show, guests can find out whether camera, microphone and line are good enough:</p>
        <div className="copy">
          <code>{check}</code>
          <CopyButton text={check} what="link to the check for guests" />
        </div>
      </div>
      <p className="err" role="alert">
        {trouble}
      </p>
      <div className="actions">
        <button type="button" className="btn" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

/** Everybody but oneself who wrote and was not banned, the latest first. */
export function chatters(view: RoomView | undefined): Chatter[] {
  const found = new Map<string, Chatter>();
  for (const line of view?.lines.toReversed() ?? []) {
    if (line.kind !== "message" || line.state === "vanished" || line.userId === view?.me?.userId || found.has(line.userId))
      continue;
    found.set(line.userId, { userId: line.userId, name: line.name });
  }
  return [...found.values()];
}
