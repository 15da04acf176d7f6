import { type ReactNode, useState } from "react";
import { Dialog } from "../../ui/dialog";

interface Props {
  title: string;
  yes: string;
  /** It takes something off air. */
  live?: boolean;
  onYes: () => Promise<void>;
  onClose: () => void;
  children: ReactNode;
}

/** A question before something that cannot be taken back. */
export function Ask({ title, yes, live = false, onYes, onClose, children }: Props) {
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    await onYes();
    onClose();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="soft">{children}</p>
      <div className="actions">
        <button type="button" className="btn" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className={live ? "btn btn-live" : "btn btn-bad"} disabled={busy} onClick={() => void act()}>
          {busy ? <span className="spin" aria-hidden="true" /> : null}
          {yes}
        </button>
      </div>
    </Dialog>
  );
}
