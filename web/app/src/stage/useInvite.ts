import { useCallback, useEffect, useState } from "react";
import type { RoomEvent } from "../chat/room";
import { type Invite, kept, readInvite } from "./invitation";

export interface Invited {
  invite: Invite | undefined;
  /** The toast is put away; the invitation still stands. */
  dismissed: boolean;
  dismiss: () => void;
  /** For the chat: hears of invitations for oneself. */
  onEvent: (event: RoomEvent, userId: string | undefined) => void;
}

/** The invitation to a channel's stage that this person has now, if any. It goes by itself when its time is over. */
export function useInvite(channel: string): Invited {
  const [invite, setInvite] = useState(() => kept.read(channel, Date.now()));
  const [dismissed, setDismissed] = useState(invite !== undefined);

  useEffect(() => {
    if (!invite) return;
    const forget = () => {
      setInvite(undefined);
      kept.write(channel, undefined);
    };
    // Timers of more than 24 days fire at once.
    const timer = setTimeout(forget, Math.min(invite.expiresAt - Date.now(), 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }, [invite, channel]);

  const onEvent = useCallback(
    (event: RoomEvent, userId: string | undefined) => {
      const next = readInvite(event.name, event.attributes, userId, Date.now());
      if (!next || next.channel.toLowerCase() !== channel.toLowerCase()) return;
      kept.write(channel, next);
      setInvite(next);
      setDismissed(false);
    },
    [channel],
  );
  return { invite, dismissed, dismiss: useCallback(() => setDismissed(true), []), onEvent };
}
