import { useState } from "react";
import { api } from "../../api/endpoints";
import type { Dashboard } from "../../api/types";
import { CopyButton } from "../../ui/copy";
import { Notice } from "../../ui/notice";
import { Secret } from "./Secret";
import { StreamKey } from "./StreamKey";

/** What an encoder is given: "address" is SRT's, with everything in it. */
export type Part = "server" | "key" | "address" | "passphrase";

interface Props {
  data: Dashboard;
  onKey: (masked: string) => void;
  onCopied: (part: Part) => void;
}

function Server({ server, onCopied }: { server: string; onCopied: Props["onCopied"] }) {
  return (
    <div className="stack step-field">
      <span className="label">Server</span>
      <div className="copy">
        <code>{server}</code>
        <CopyButton text={server} what="server" onCopied={() => onCopied("server")} />
      </div>
    </div>
  );
}

export function RtmpFields({ data, onKey, onCopied }: Props) {
  return (
    <>
      <p className="t13 muted">In OBS: Settings, Stream, service “Custom”. Other encoders ask for the same two.</p>
      <Server server={data.ingest.server} onCopied={onCopied} />
      <StreamKey masked={data.streamKey.masked} live={data.live} onReplaced={onKey} onCopied={() => onCopied("key")} />
      {data.ingest.insecureNote ? <Notice kind="info">{data.ingest.insecureNote}</Notice> : null}
    </>
  );
}

const revealAddress = async () => (await api.revealSrt()).address;
const revealPassphrase = async () => (await api.revealSrt()).passphrase;

/** SRT takes all in one address; its parts are for encoders that ask for them one by one. */
export function SrtFields({ data, onKey, onCopied }: Props) {
  const [keys, setKeys] = useState(0); // an address that is shown has the old key in it
  if (!data.srt) {
    return (
      <p className="t13 muted">
        The video service behind this site takes no SRT. Choose {data.ingest.protocol.toUpperCase()} above, which every encoder
        speaks.
      </p>
    );
  }
  const { server, masked } = data.srt;
  return (
    <>
      <p className="t13 muted">
        In OBS: Settings, Stream, service “Custom”. Paste it as the server and leave the stream key empty. ffmpeg takes it as it
        is.
      </p>
      <Secret
        key={keys}
        label="Address"
        what="address"
        masked={masked.address}
        reveal={revealAddress}
        said="With your stream key and a passphrase, which encrypts what you send."
        onCopied={() => onCopied("address")}
      />
      <details className="parts">
        <summary>Your encoder asks for the parts?</summary>
        <div className="stack stack-3">
          <Server server={server} onCopied={onCopied} />
          <StreamKey
            label="Stream id"
            help="The same as your stream key."
            masked={data.streamKey.masked}
            live={data.live}
            onReplaced={(next) => {
              setKeys((n) => n + 1);
              onKey(next);
            }}
            onCopied={() => onCopied("key")}
          />
          <Secret
            label="Passphrase"
            what="passphrase"
            masked={masked.passphrase}
            reveal={revealPassphrase}
            onCopied={() => onCopied("passphrase")}
          />
        </div>
      </details>
    </>
  );
}
