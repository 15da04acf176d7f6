import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";

/** Puts text on the clipboard, on plain-HTTP pages, too, where browsers hide the modern way. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    field.className = "sr";
    const host = document.querySelector("dialog[open]") ?? document.body;
    host.append(field);
    field.select();
    try {
      return document.execCommand("copy");
    } catch {
      return false;
    } finally {
      field.remove();
    }
  }
}

interface Props {
  /** What to copy; a function when it has to be fetched first. */
  text: string | (() => Promise<string>);
  /** What it is, for the accessible name: "server". */
  what: string;
  onCopied?: () => void;
  onFailed?: (cause: unknown) => void;
}

export function CopyButton({ text, what, onCopied, onFailed }: Props) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2000);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    try {
      const done = await copyText(typeof text === "string" ? text : await text());
      setState(done ? "copied" : "failed");
      if (done) onCopied?.();
    } catch (cause) {
      setState("failed");
      onFailed?.(cause);
    }
  };
  return (
    <button type="button" className={`btn btn-ghost btn-sm copy-btn${state === "copied" ? " good" : ""}`} onClick={copy}>
      {state === "copied" ? <Check className="i i-sm" /> : <Copy className="i i-sm" />}
      <span aria-hidden="true">{state === "copied" ? "Copied" : state === "failed" ? "Not copied" : "Copy"}</span>
      <span className="sr" aria-live="polite">
        {state === "copied" ? `Copied ${what}` : state === "failed" ? `Could not copy ${what}` : `Copy ${what}`}
      </span>
    </button>
  );
}
