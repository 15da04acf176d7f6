import { Check } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { Dashboard } from "../../api/types";
import { CopyButton } from "../../ui/copy";
import { plural } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { StreamKey } from "./StreamKey";

/** The way on air as steps that tick themselves when they come true. */
export function GoLive({ data, onKey }: { data: Dashboard; onKey: (masked: string) => void }) {
  const [copied, setCopied] = useState({ server: false, key: false });
  const link = new URL(data.channelPath, location.origin).href;
  return (
    <section className="panel" aria-labelledby="h-steps">
      <div className="panel-head">
        <h2 id="h-steps">Go live</h2>
      </div>
      <ol className="steps panel-body">
        <Step n={1} done={data.live || (copied.server && copied.key)} title="Paste these into your encoder">
          <p className="t13 muted">In OBS: Settings, Stream, service “Custom”. Other encoders ask for the same two.</p>
          <div className="stack step-field">
            <span className="label">Server</span>
            <div className="copy">
              <code>{data.ingest.server}</code>
              <CopyButton
                text={data.ingest.server}
                what="server"
                onCopied={() => setCopied((now) => ({ ...now, server: true }))}
              />
            </div>
          </div>
          <StreamKey
            masked={data.streamKey.masked}
            live={data.live}
            onReplaced={onKey}
            onCopied={() => setCopied((now) => ({ ...now, key: true }))}
          />
          {data.ingest.insecureNote ? <Notice kind="info">{data.ingest.insecureNote}</Notice> : null}
        </Step>
        <Step n={2} done={data.live} title="Start streaming there">
          <p className="t13 muted" role="status">
            {data.live
              ? "Your picture arrives. Viewers see it now."
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

function Step({ n, done, title, children }: { n: number; done: boolean; title: string; children: ReactNode }) {
  return (
    <li className={done ? "done" : undefined}>
      <span className="n" aria-hidden="true">
        {done ? <Check className="i i-sm" /> : n}
      </span>
      <div className="grow stack stack-3">
        <h3 className="b step-title">
          {title}
          {done ? <span className="sr"> (done)</span> : null}
        </h3>
        {children}
      </div>
    </li>
  );
}
