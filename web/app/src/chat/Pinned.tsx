import { ChevronDown, ChevronUp, Pin, PinOff } from "lucide-react";
import { useState } from "react";
import type { PinnedMessage } from "../api/types";
import { Text } from "./ChatLine";

interface Props {
  pinned: PinnedMessage;
  /** Absent for who may not. */
  onUnpin?: (() => void) | undefined;
}

/** The message that stays in view; folded it is one line. */
export function Pinned({ pinned, onUnpin }: Props) {
  const [folded, setFolded] = useState(false);
  return (
    <section className="pin" aria-label="Pinned message">
      <Pin className="i" />
      <p className={folded ? "grow clip1" : "grow pin-text"}>
        <b>{pinned.name}</b> <Text text={pinned.content} />
      </p>
      {onUnpin ? (
        <button type="button" className="btn btn-ghost btn-icon btn-sm" aria-label="Unpin the message" onClick={onUnpin}>
          <PinOff className="i i-sm" />
        </button>
      ) : null}
      <button
        type="button"
        className="btn btn-ghost btn-icon btn-sm"
        aria-label="Fold the pinned message"
        aria-expanded={!folded}
        onClick={() => setFolded(!folded)}
      >
        {folded ? <ChevronDown className="i i-sm" /> : <ChevronUp className="i i-sm" />}
      </button>
    </section>
  );
}
