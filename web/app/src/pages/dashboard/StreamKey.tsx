import { RotateCw } from "lucide-react";
import { useState } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { useAccount } from "../../session/session";
import { Dialog } from "../../ui/dialog";
import { Spinner } from "../../ui/states";
import { Secret } from "./Secret";

interface Props {
  label?: string;
  help?: string;
  masked: string;
  live: boolean;
  onReplaced: (masked: string) => void;
  onCopied: () => void;
}

const revealKey = async () => (await api.revealStreamKey()).value;

/** The stream key: masked until asked for, copied without being shown, replaced after a question. */
export function StreamKey({ label = "Stream key", help = "", masked, live, onReplaced, onCopied }: Props) {
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState("");
  const [round, setRound] = useState(0); // a new key is masked again

  const replaced = (next: string) => {
    setAsking(false);
    setRound((n) => n + 1);
    setSaid("New key made. Copy it into your encoder; the old one no longer works.");
    onReplaced(next);
  };
  const copied = () => {
    setSaid("");
    onCopied();
  };
  return (
    <>
      <Secret key={round} label={label} what="key" masked={masked} reveal={revealKey} said={said || help} onCopied={copied}>
        <button
          type="button"
          className="btn btn-ghost btn-icon btn-sm"
          aria-label="Replace the key"
          onClick={() => setAsking(true)}
        >
          <RotateCw className="i i-sm" />
        </button>
      </Secret>
      {asking ? <ReplaceDialog live={live} onClose={() => setAsking(false)} onReplaced={replaced} /> : null}
    </>
  );
}

function ReplaceDialog({
  live,
  onClose,
  onReplaced,
}: {
  live: boolean;
  onClose: () => void;
  onReplaced: (masked: string) => void;
}) {
  const { forget } = useAccount();
  const [working, setWorking] = useState(false);
  const [trouble, setTrouble] = useState("");
  const replace = async () => {
    if (working) return;
    setWorking(true);
    try {
      onReplaced((await api.resetStreamKey()).masked);
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 401) forget();
      setTrouble(cause instanceof ApiError ? cause.message : "The key was not replaced. Try again.");
      setWorking(false);
    }
  };
  return (
    <Dialog title="Replace the stream key?" onClose={onClose}>
      <p className="soft">
        The old key stops working, and you will have to paste the new one into your encoder.
        {live ? " You are on air right now." : null}
      </p>
      {trouble ? (
        <p className="err" role="alert">
          {trouble}
        </p>
      ) : null}
      <div className="actions">
        <button type="button" className="btn btn-ghost" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="btn btn-bad" onClick={() => void replace()}>
          {working ? <Spinner label="Working:" /> : null}
          Replace the key
        </button>
      </div>
    </Dialog>
  );
}
