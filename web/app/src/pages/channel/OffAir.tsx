import { MoonStar, Zap } from "lucide-react";
import type { Channel } from "../../api/types";
import { Link } from "../../router/router";
import { useAccount } from "../../session/session";
import { ago } from "../../ui/format";
import { Mark, useNow } from "../../ui/marks";
import { avatarClass } from "../../ui/person";

/** In place of the player: the channel is off air, and this page waits with you; or it goes on elsewhere. */
export function OffAir({ channel }: { channel: Channel }) {
  const { user } = useAccount();
  const now = useNow();
  const own = user?.username === channel.username;
  if (channel.realTime) {
    return (
      <div className={`player off-air ${avatarClass(channel.username)}`} role="region" aria-label="Player" data-way="realtime">
        <Mark />
        <div className="off-air-in">
          <Zap className="i i-lg" aria-hidden="true" />
          <b className="t18">{channel.username} is live in real time</b>
          <span className="t13">The people on the stage are there at once, less than a second behind.</span>
          <Link className="btn btn-primary" href={`/c/${encodeURIComponent(channel.username)}/realtime`}>
            Watch in real time
          </Link>
        </div>
      </div>
    );
  }
  return (
    <div className={`player off-air ${avatarClass(channel.username)}`} role="region" aria-label="Player">
      <Mark />
      <div className="off-air-in">
        <MoonStar className="i i-lg" aria-hidden="true" />
        <b className="t18">{channel.username} is off air</b>
        <span className="t13">
          {channel.lastLiveAt ? `Last live ${ago(channel.lastLiveAt, now)}. ` : null}
          {own
            ? "Go live from your dashboard and the picture comes here by itself."
            : "This page becomes live by itself; you can leave it open."}
        </span>
        {own ? (
          <Link className="btn" href="/dashboard">
            Open your dashboard
          </Link>
        ) : null}
      </div>
    </div>
  );
}
