import { Eye, Radio } from "lucide-react";
import type { BroadcastView, OnAir } from "../../broadcast/broadcast";
import { clock, count } from "../../ui/format";
import { useNow } from "../../ui/marks";

/** The time on air and who watches. LIVE is said once viewers can see it, not when the first byte has left. */
export function OnAirNumbers({ air, viewers, live }: { air: BroadcastView; viewers: number; live: boolean }) {
  if (air.since === undefined) return null;
  const broken = air.state === "reconnecting";
  return (
    <div className="row row-3">
      {broken || !live ? (
        <span className={broken ? "badge badge-warn gl-badge num" : "badge badge-accent gl-badge num"}>
          <span className="not-phone">{broken ? "Reconnecting" : "Starting"}</span> <Since since={air.since} />
        </span>
      ) : (
        <span className="live live-lg num">
          LIVE <Since since={air.since} />
        </span>
      )}
      <span className="row num gl-viewers not-phone">
        <Eye className="i" aria-hidden="true" />
        <b className="b">{count(viewers)}</b>
        <span className="sr">watching</span>
      </span>
    </div>
  );
}

function Since({ since }: { since: number }) {
  return <span aria-hidden="true">{clock(useNow() - since)}</span>;
}

interface ButtonProps {
  state: OnAir;
  ready: boolean;
  onStart: () => void;
  onEnd: () => void;
  onCancel: () => void;
}

/** One control in one place: on air, off air, and back out while it begins. */
export function OnAirButton({ state, ready, onStart, onEnd, onCancel }: ButtonProps) {
  switch (state) {
    case "off":
    case "failed":
      return (
        <button type="button" className="btn btn-live gl-air" disabled={!ready} onClick={onStart}>
          <Radio className="i" />
          {state === "failed" ? "Try again" : "Go live"}
        </button>
      );
    case "preparing":
    case "connecting":
      return (
        <button type="button" className="btn gl-air" onClick={onCancel}>
          <span className="spin" aria-hidden="true" />
          Cancel
        </button>
      );
    case "live":
    case "reconnecting":
      return (
        <button type="button" className="btn btn-live gl-air" onClick={onEnd}>
          <span>
            End<span className="not-phone"> broadcast</span>
          </span>
        </button>
      );
    case "stopping":
      return (
        <button type="button" className="btn gl-air" disabled>
          <span className="spin" aria-hidden="true" />
          Ending
        </button>
      );
  }
}
