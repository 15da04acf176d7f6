import { Eye, Radio } from "lucide-react";
import { useId } from "react";
import { Link } from "../../router/router";
import { ThemeButton } from "../../shell/Bar";
import { type Destination, type Here, airWords } from "../../stage/realtime";
import { clock, count } from "../../ui/format";
import { Mark, useNow } from "../../ui/marks";
import type { OnAir } from "./air";

interface Props {
  title: string;
  detail: string;
  on: OnAir;
  live: boolean;
  since: number | undefined;
  viewers: number | undefined;
  mayGoLive: boolean;
  /** There is neither picture nor sound to send. */
  nothing: boolean;
  whip: boolean;
  onEnd: () => void;
}

export function StudioBar({ title, detail, on, live, since, viewers, mayGoLive, nothing, whip, onEnd }: Props) {
  const starting = !live && (on.air.switching || on.air.channel === "starting");
  return (
    <header className="bar st-bar">
      <Link className="brand" href="/dashboard" aria-label="Back to the dashboard">
        <Mark />
      </Link>
      <div className="grow">
        <h1 className="clip1">{title || "Studio"}</h1>
        <span className="small muted clip1 not-phone">{detail}</span>
      </div>
      {live ? (
        <div className="st-live num">
          <span className="live live-lg">
            LIVE <span className="not-phone">{since ? <Since at={since} /> : null}</span>
          </span>
          {viewers !== undefined ? (
            <span className="row num-pair not-phone" title="Watching your channel">
              <Eye className="i" aria-hidden="true" />
              <b className="b">{count(viewers)}</b>
              <span className="sr">watching your channel</span>
            </span>
          ) : null}
        </div>
      ) : null}
      <Destinations on={on} whip={whip} />
      <span className="not-phone">
        <ThemeButton />
      </span>
      {live || on.air.wanted ? (
        <button type="button" className="btn btn-live" disabled={starting} onClick={onEnd}>
          {starting ? <span className="spin" aria-hidden="true" /> : null}
          <span>
            End<span className="not-phone"> broadcast</span>
          </span>
        </button>
      ) : (
        <button
          type="button"
          className="btn btn-live"
          disabled={!mayGoLive || on.air.switching}
          title={
            mayGoLive
              ? undefined
              : nothing
                ? "Turn on your camera or microphone first"
                : "Your picture is on its way to the stage"
          }
          onClick={() => void on.goLive()}
        >
          {on.air.switching ? <span className="spin" aria-hidden="true" /> : <Radio className="i" />}
          Go live
        </button>
      )}
    </header>
  );
}

function Since({ at }: { at: number }) {
  return <>{clock(useNow() - at)}</>;
}

const places: readonly { value: Destination; text: string; detail: string }[] = [
  { value: "stage", text: "Stage", detail: "Viewers watch in real time" },
  { value: "channel", text: "Channel", detail: "One picture, some seconds later, with rewind and recordings" },
  { value: "both", text: "Both", detail: "In real time and on your channel" },
];

/** Where the show goes. Without a way to the channel there is nothing to choose. */
export function Destinations({ on, whip, phone = false }: { on: OnAir; whip: boolean; phone?: boolean }) {
  const group = useId();
  if (!whip) return null;
  const choice = (
    <div className={phone ? "seg" : "seg not-phone"} role="radiogroup" aria-label="Where the show goes">
      {places.map(({ value, text, detail }) => (
        <label key={value} title={detail}>
          <input
            type="radio"
            name={group}
            value={value}
            checked={on.destination === value}
            disabled={on.air.switching}
            onChange={() => on.choose(value)}
          />
          {text}
        </label>
      ))}
    </div>
  );
  return phone ? <div className="st-dest only-phone">{choice}</div> : choice;
}

/** Who sees what, as it truly is. */
export function AirNote({ on, here }: { on: OnAir; here: Here }) {
  const { kind, title, detail } = airWords(on.air, { ...here, destination: on.destination });
  return (
    <div
      className="st-note"
      role="status"
      data-air={kind}
      data-real-time={on.air.realTime.isLive}
      data-channel={on.air.channel}
    >
      <span className="dot" aria-hidden="true" />
      <p>
        <b className="b">{title}</b> <span className="muted">{detail}</span>
      </p>
    </div>
  );
}
