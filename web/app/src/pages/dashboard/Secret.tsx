import { Eye, EyeOff } from "lucide-react";
import { type ReactNode, useState } from "react";
import { ApiError } from "../../api/client";
import { useAccount } from "../../session/session";
import { CopyButton } from "../../ui/copy";

interface Props {
  label: string;
  /** What it is within a sentence: "key". */
  what: string;
  masked: string;
  /** Has it from the server, which is the only place it is kept. */
  reveal: () => Promise<string>;
  /** Stands below unless something went wrong. */
  said?: ReactNode;
  onCopied?: () => void;
  /** Further buttons. */
  children?: ReactNode;
}

/** Something that is masked until asked for, and copied without being shown. */
export function Secret({ label, what, masked, reveal, said, onCopied, children }: Props) {
  const { forget } = useAccount();
  const [value, setValue] = useState<string>();
  const [trouble, setTrouble] = useState("");

  const failed = (cause: unknown) => {
    if (cause instanceof ApiError && cause.status === 401) forget();
    setTrouble(cause instanceof ApiError ? cause.message : `The ${what} could not be had. Try again.`);
  };
  const toggle = async () => {
    setTrouble("");
    if (value !== undefined) {
      setValue(undefined);
      return;
    }
    try {
      setValue(await reveal());
    } catch (cause) {
      failed(cause);
    }
  };
  const fetchIt = async () => {
    setTrouble("");
    return value ?? (await reveal());
  };
  return (
    <div className="stack step-field">
      <span className="label row between">
        {label} <span className="small muted">Shown to nobody but you</span>
      </span>
      <div className="copy" data-shown={value !== undefined || undefined}>
        <code>{value ?? masked}</code>
        <button
          type="button"
          className="btn btn-ghost btn-icon btn-sm"
          aria-label={`${value === undefined ? "Show" : "Hide"} the ${what}`}
          onClick={() => void toggle()}
        >
          {value === undefined ? <Eye className="i i-sm" /> : <EyeOff className="i i-sm" />}
        </button>
        <CopyButton text={fetchIt} what={what} onFailed={failed} {...(onCopied ? { onCopied } : {})} />
        {children}
      </div>
      <span className={trouble ? "err" : "help"} role="status">
        {trouble || said}
      </span>
    </div>
  );
}
