import { type FormEvent, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { ChatRules } from "../../api/types";
import { Spinner } from "../../ui/states";
import { Tick } from "./Modes";
import { Waiting } from "./Waiting";
import { errorOf } from "./usePages";

/** What the channel's chat does not let through by itself. Not shown where there is no such thing. */
export function Rules({ username }: { username: string }) {
  const { data, error, reload } = useResource(`rules ${username}`, (signal) => api.chatRules(username, signal));
  if (error?.status === 404) return null;
  return (
    <section className="panel" aria-labelledby="h-rules">
      <div className="panel-head">
        <h2 id="h-rules">What is let through</h2>
      </div>
      <div className="panel-body">
        {data ? <Form username={username} rules={data} /> : <Waiting error={error} retry={reload} />}
      </div>
    </section>
  );
}

const lines = (words: string): string[] =>
  words
    .split(/[\n,]/)
    .map((word) => word.trim())
    .filter(Boolean);

function Form({ username, rules }: { username: string; rules: ChatRules }) {
  const [kept, setKept] = useState(rules);
  const [words, setWords] = useState(rules.blockedWords.join("\n"));
  const [next, setNext] = useState(rules);
  const [working, setWorking] = useState(false);
  const [trouble, setTrouble] = useState<{ words?: string; rest?: string }>({});
  const wanted = { ...next, blockedWords: lines(words) };
  const changed = JSON.stringify(wanted) !== JSON.stringify(kept);
  const set = (part: Partial<ChatRules>) => setNext((now) => ({ ...now, ...part }));
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (working || !changed) return;
    setWorking(true);
    setTrouble({});
    try {
      const saved = await api.setChatRules(username, wanted);
      setKept(saved);
      setNext(saved);
      setWords(saved.blockedWords.join("\n"));
    } catch (cause) {
      const failed = errorOf(cause);
      const field = failed.fields["blockedWords"];
      setTrouble(field ? { words: field } : { rest: failed.message });
    } finally {
      setWorking(false);
    }
  };
  return (
    <form className="stack stack-4" onSubmit={(event) => void save(event)}>
      <div className="field">
        <label htmlFor="blocked">Blocked words</label>
        <textarea
          id="blocked"
          className="input mdr-words"
          rows={4}
          value={words}
          spellCheck={false}
          aria-invalid={trouble.words ? true : undefined}
          aria-describedby="blocked-help"
          onChange={(event) => setWords(event.target.value)}
        />
        <span id="blocked-help" className={trouble.words ? "err" : "help"} role={trouble.words ? "alert" : undefined}>
          {trouble.words ?? "One per line. A star at an end stands for anything: buy* also blocks buying."}
        </span>
      </div>
      <Tick text="No links" on={next.links === "deny"} onChange={(on) => set({ links: on ? "deny" : "allow" })} />
      <Tick text="No repetition" on={next.repetition} onChange={(repetition) => set({ repetition })} />
      <Tick text="No shouting in capitals" on={next.capitals} onChange={(capitals) => set({ capitals })} />
      <Tick text="No copies from many people at once" on={next.crowds} onChange={(crowds) => set({ crowds })} />
      <div className="row between">
        <span className={trouble.rest ? "small bad" : "small muted"} role="status">
          {trouble.rest ?? (changed ? "Not saved yet." : "Holds for new messages.")}
        </span>
        <button type="submit" className={changed ? "btn btn-primary" : "btn"} disabled={!changed}>
          {working ? <Spinner label="Working:" /> : null}
          {working ? "Saving" : changed ? "Save" : "Saved"}
        </button>
      </div>
    </form>
  );
}
