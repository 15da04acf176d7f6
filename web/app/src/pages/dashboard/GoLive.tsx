import { Check, Radio, Users } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Dashboard } from "../../api/types";
import { Link } from "../../router/router";
import { checkPath } from "../../stage/invitation";
import { CopyButton } from "../../ui/copy";
import { plural } from "../../ui/format";
import { type Part, RtmpFields, SrtFields } from "./fields";

const protocols = ["rtmp", "srt"] as const;

/** The ways on air: two that need nothing but this browser, and an encoder's, in steps that tick themselves. */
export function GoLive({ data, onKey }: { data: Dashboard; onKey: (masked: string) => void }) {
  const [by, setBy] = useState<(typeof protocols)[number]>("rtmp");
  const [copied, setCopied] = useState<ReadonlySet<Part>>(new Set());
  const fields = { data, onKey, onCopied: (part: Part) => setCopied((now) => new Set(now).add(part)) };
  const link = new URL(data.channelPath, location.origin).href;
  return (
    <section className="panel" aria-labelledby="h-steps">
      <div className="panel-head">
        <h2 id="h-steps">Go live</h2>
      </div>
      <div className="ways">
        {data.whip ? (
          <Way
            icon={<Radio className="i" />}
            title="From this tab"
            text="Your camera, microphone and screen. Nothing to install."
          >
            <Link className={data.live ? "btn" : "btn btn-primary"} href="/golive">
              Set up and go live
            </Link>
          </Way>
        ) : null}
        <Way
          icon={<Users className="i" />}
          title="With guests"
          text="Bring people from your chat on stage and talk to them live."
        >
          <div className="row wrap">
            <Link className={data.whip || data.live ? "btn" : "btn btn-primary"} href="/studio">
              Open studio
            </Link>
            <Link className="btn btn-ghost" href={checkPath("/studio", data.username)}>
              Check your line
            </Link>
          </div>
        </Way>
      </div>
      {data.whip ? null : (
        <p className="ways-why small muted">
          Going live from a tab alone is not offered here: the video service behind this site takes channel broadcasts from
          encoders only.
        </p>
      )}
      <div className="by-encoder">
        <h3>With an encoder, such as OBS</h3>
        <div className="seg" role="radiogroup" aria-label="How your encoder sends">
          {protocols.map((name) => (
            <label key={name}>
              <input type="radio" name="protocol" value={name} checked={by === name} onChange={() => setBy(name)} />
              {name === "srt" ? "SRT" : data.ingest.protocol.toUpperCase()}
            </label>
          ))}
        </div>
      </div>
      <ol className="steps panel-body">
        <Step
          n={1}
          done={data.live || copied.has("address") || (copied.has("server") && copied.has("key"))}
          title={
            by === "rtmp" ? "Paste these into your encoder" : data.srt ? "Paste this into your encoder" : "Not by SRT here"
          }
        >
          {by === "srt" ? <SrtFields {...fields} /> : <RtmpFields {...fields} />}
        </Step>
        <Step n={2} done={data.live && !data.interrupted} title="Start streaming there">
          <p className="t13 muted" role="status">
            {data.live
              ? data.interrupted
                ? "Nothing arrives right now. Start streaming there again, and viewers see you go on."
                : "Your picture arrives. Viewers see it now."
              : "This page turns to LIVE by itself when the picture arrives."}
          </p>
        </Step>
        <Step n={3} done={data.live && data.viewers > 0} title="Tell people where you are">
          <p className="t13 muted">
            {data.live && data.viewers > 0
              ? `${plural(data.viewers, "person", "people")} watching right now.`
              : "Nobody needs an account to watch."}
          </p>
          <div className="copy">
            <code>{link}</code>
            <CopyButton text={link} what="link to your channel" />
          </div>
        </Step>
      </ol>
      <dl className="rec" aria-label="Settings that work well">
        <div>
          <dt>Picture</dt>
          <dd>H.264, up to 1080p60</dd>
        </div>
        <div>
          <dt>Bitrate</dt>
          <dd>3000–6000 kb/s</dd>
        </div>
        <div>
          <dt>Keyframes</dt>
          <dd>every 2 s</dd>
        </div>
        <div>
          <dt>Sound</dt>
          <dd>AAC, 160 kb/s</dd>
        </div>
      </dl>
    </section>
  );
}

function Way({ icon, title, text, children }: { icon: ReactNode; title: string; text: string; children: ReactNode }) {
  return (
    <div className="way">
      <span className="way-icon" aria-hidden="true">
        {icon}
      </span>
      <div className="grow stack">
        <h3 className="b">{title}</h3>
        <p className="t13 muted">{text}</p>
      </div>
      {children}
    </div>
  );
}

function Step({ n, done, title, children }: { n: number; done: boolean; title: string; children: ReactNode }) {
  return (
    <li className={done ? "done" : undefined}>
      <span className="n" aria-hidden="true">
        {done ? <Check className="i i-sm" /> : n}
      </span>
      <div className="grow stack stack-3">
        <h4 className="b step-title">
          {title}
          {done ? <span className="sr"> (done)</span> : null}
        </h4>
        {children}
      </div>
    </li>
  );
}
