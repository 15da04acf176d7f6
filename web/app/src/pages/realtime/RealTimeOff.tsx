import { MoonStar, Radio } from "lucide-react";
import type { Channel } from "../../api/types";
import { Link } from "../../router/router";
import { useAccount } from "../../session/session";
import { Mark } from "../../ui/marks";
import { avatarClass } from "../../ui/person";

/** Nobody is on the stage for viewers: this page waits with you, or sends you where the show is. */
export function RealTimeOff({ channel }: { channel: Channel }) {
  const { user } = useAccount();
  const own = user?.username === channel.username;
  const home = `/c/${encodeURIComponent(channel.username)}`;
  return (
    <div
      className={`player off-air ${avatarClass(channel.username)}`}
      role="region"
      aria-label="Player"
      data-state="off"
      data-way="realtime"
    >
      <Mark />
      <div className="off-air-in">
        {channel.live ? <Radio className="i i-lg" aria-hidden="true" /> : <MoonStar className="i i-lg" aria-hidden="true" />}
        <b className="t18">{channel.live ? `${channel.username} is live on the channel` : `${channel.username} is off air`}</b>
        <span className="t13">
          {channel.live
            ? "Real time is off now; the show goes on some seconds later."
            : own
              ? "Go live from your studio and the stage comes here by itself."
              : "This page becomes live by itself; you can leave it open."}
        </span>
        {channel.live ? (
          <Link className="btn btn-primary" href={home}>
            Watch the channel
          </Link>
        ) : own ? (
          <Link className="btn" href="/studio">
            Open your studio
          </Link>
        ) : null}
      </div>
    </div>
  );
}
