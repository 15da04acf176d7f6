import { Eye, EyeOff, RotateCw } from "lucide-react";
import { useState } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { useAccount } from "../../session/session";
import { CopyButton } from "../../ui/copy";
import { Dialog } from "../../ui/dialog";
import { Spinner } from "../../ui/states";

interface Props {
  masked: string;
  live: boolean;
  onReplaced: (masked: string) => void;
  onCopied: () => void;
}

/** The stream key: masked until asked for, copied without being shown, replaced after a question. */
export function StreamKey({ masked, live, onReplaced, onCopied }: Props) {
  const { forget } = useAccount();
  const [value, setValue] = useState<string>();
  const [trouble, setTrouble] = useState("");
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState("");

  const failed = (cause: unknown) => {
    if (cause instanceof ApiError && cause.status === 401) forget();
    setTrouble(cause instanceof ApiError ? cause.message : "The key could not be had. Try again.");
  };
  const reveal = async () => {
    setTrouble("");
    if (value !== undefined) {
      setValue(undefined);
      return;
    }
    try {
      setValue((await api.revealStreamKey()).value);
    } catch (cause) {
      failed(cause);
    }
  };
  const fetchKey = async () => {
    setTrouble("");
    return value ?? (await api.revealStreamKey()).value;
  };
  const replaced = (next: string) => {
    setAsking(false);
    setValue(undefined);
    setSaid("New key made. Copy it into your encoder; the old one no longer works.");
    onReplaced(next);
  };
  return (
    <div className="stack step-field">
      <span className="label row between">
        Stream key <span className="small muted">Shown to nobody but you</span>
      </span>
      <div className="copy">
        <code>{value ?? masked}</code>
        <button
          type="button"
          className="btn btn-ghost btn-icon btn-sm"
          aria-label={value === undefined ? "Show the key" : "Hide the key"}
          onClick={() => void reveal()}
        >
          {value === undefined ? <Eye className="i i-sm" /> : <EyeOff className="i i-sm" />}
        </button>
        <CopyButton
          text={fetchKey}
          what="stream key"
          onFailed={failed}
          onCopied={() => {
            setSaid("");
            onCopied();
          }}
        />
        <button
          type="button"
          className="btn btn-ghost btn-icon btn-sm"
          aria-label="Replace the key"
          onClick={() => setAsking(true)}
        >
          <RotateCw className="i i-sm" />
        </button>
      </div>
      <span className={trouble ? "err" : "help"} role="status">
        {trouble || said}
      </span>
      {asking ? <ReplaceDialog live={live} onClose={() => setAsking(false)} onReplaced={replaced} /> : null}
    </div>
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
