import { Check, CircleCheck, CircleX, Copy, LogIn, RotateCw, TriangleAlert } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { type RowId, ids, titles } from "../../check/rows";
import { type Rows, flaws, overall, report } from "../../check/verdict";
import { browserName } from "../../check/browser";
import { Link } from "../../router/router";
import { copyText } from "../../ui/copy";

interface Props {
  state: "idle" | "running" | "done";
  rows: Rows;
  /** Where the person wanted to go, if that is known. */
  next: string;
  onStart: () => void;
  onStop: () => void;
}

/** What to do now: begin, wait, or what came out. It keeps its place on the page all along. */
export function Outcome({ state, rows, next, onStart, onStop }: Props) {
  return (
    <section className="panel chk-card" aria-label="Result" data-check-state={state}>
      {state === "idle" ? <Begin onStart={onStart} /> : null}
      {state === "running" ? <Progress rows={rows} onStop={onStop} /> : null}
      {state === "done" ? <Done rows={rows} next={next} onAgain={onStart} /> : null}
    </section>
  );
}

function Begin({ onStart }: { onStart: () => void }) {
  return (
    <>
      <h2 className="t18">Half a minute, and you know</h2>
      <p className="soft">
        Your browser will ask for the camera and the microphone. Your picture goes to the server for a few seconds, which shows
        it to nobody and keeps nothing.
      </p>
      <div className="chk-acts">
        <button type="button" className="btn btn-primary btn-lg" onClick={onStart}>
          Start the check
        </button>
      </div>
    </>
  );
}

function Progress({ rows, onStop }: { rows: Rows; onStop: () => void }) {
  const over = ids.filter((id) => rows[id].verdict !== "waiting" && rows[id].verdict !== "running").length;
  // The devices wait for a person, the others for nothing.
  const now = ids.find((id) => rows[id].verdict === "running" && rows[id].says !== "");
  return (
    <>
      <h2 className="t18" role="status">
        Checking
      </h2>
      <progress className="chk-progress" max={ids.length} value={over} aria-label="Tests done" />
      <p className="soft num">{now ? `${titles[now]}: ${rows[now].says}` : "One moment"}</p>
      <div className="chk-acts">
        <button type="button" className="btn btn-lg" onClick={onStop}>
          Stop
        </button>
      </div>
    </>
  );
}

const signs = { good: CircleCheck, warn: TriangleAlert, bad: CircleX };

function Done({ rows, next, onAgain }: { rows: Rows; next: string; onAgain: () => void }) {
  const { verdict, title, text } = overall(rows);
  const Icon = signs[verdict];
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Phones have scrolled down to the last test by now.
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if ((heading.current?.getBoundingClientRect().top ?? 0) < 0)
      document.querySelector(".chk-card")?.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
  }, []);
  return (
    <>
      <div className="chk-verdict" data-overall={verdict} role="status">
        <Icon className="i" />
        <div className="grow">
          <h2 className="t18" ref={heading}>
            {title}
          </h2>
          <p className="soft">{text}</p>
        </div>
      </div>
      <Todo rows={rows} />
      <div className="chk-acts">
        {next && verdict !== "bad" ? (
          <Link className="btn btn-primary btn-lg" href={next}>
            <LogIn className="i" />
            On to the stage
          </Link>
        ) : null}
        <CopyReport rows={rows} primary={!next || verdict === "bad"} />
        <button type="button" className="btn btn-lg" onClick={onAgain}>
          <RotateCw className="i" />
          Check again
        </button>
      </div>
      <p className="small muted">The report says what works and what does not, nothing of who or where you are.</p>
    </>
  );
}

function Todo({ rows }: { rows: Rows }) {
  const found: RowId[] = flaws(rows);
  if (found.length === 0) return null;
  // Devices without leave have one remedy between them.
  const told = found.filter((id, n) => found.findIndex((other) => rows[other].todo === rows[id].todo) === n);
  return (
    <ul className="chk-flaws">
      {told.map((id) => (
        <li key={id}>
          <b className="b">{id === "camera" || id === "microphone" ? rows[id].says : `${titles[id]}.`}</b>{" "}
          {rows[id].todo || rows[id].says}
        </li>
      ))}
    </ul>
  );
}

function CopyReport({ rows, primary }: { rows: Rows; primary: boolean }) {
  const [state, setState] = useState<"idle" | "copied" | "failed">("idle");
  useEffect(() => {
    if (state === "idle") return;
    const timer = setTimeout(() => setState("idle"), 2500);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = async () => {
    const text = report(rows, browserName(navigator.userAgent), new Date());
    setState((await copyText(text)) ? "copied" : "failed");
  };
  return (
    <button type="button" className={primary ? "btn btn-primary btn-lg" : "btn btn-lg"} onClick={() => void copy()}>
      {state === "copied" ? <Check className="i" /> : <Copy className="i" />}
      <span aria-live="polite">
        {state === "copied" ? "Copied" : state === "failed" ? "Could not copy" : "Copy the report"}
      </span>
    </button>
  );
}
