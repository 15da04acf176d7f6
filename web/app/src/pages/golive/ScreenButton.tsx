import { MonitorUp, MonitorX } from "lucide-react";
import { canShareScreen } from "../../devices/screen";
import type { ScreenView } from "./useScreen";

/** Not shown where browsers cannot: phones. */
export function ScreenButton({ screen: { share, asking, toggle } }: { screen: ScreenView }) {
  if (!canShareScreen()) return null;
  const Icon = share ? MonitorX : MonitorUp;
  const words = share ? "Stop sharing" : "Share screen";
  return (
    <>
      <button type="button" className="btn btn-lg device" aria-label={words} disabled={asking} onClick={toggle}>
        {asking ? <span className="spin" aria-hidden="true" /> : <Icon className="i" />}
        <span className="not-phone">{words}</span>
      </button>
      {share ? (
        <span className="small muted not-phone" role="status">
          {share.hasSound ? `With the ${share.what}’s sound.` : `Without the ${share.what}’s sound.`}
        </span>
      ) : null}
    </>
  );
}
