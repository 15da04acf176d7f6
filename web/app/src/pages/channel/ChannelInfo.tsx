import { Share2 } from "lucide-react";
import { useState } from "react";
import type { Channel } from "../../api/types";
import { Link } from "../../router/router";
import { useAccount } from "../../session/session";
import { copyText } from "../../ui/copy";
import { monthOf } from "../../ui/format";
import { Avatar, LiveBadge, LiveNumbers, OnAirTime } from "../../ui/marks";
import { WaySwitch } from "./WaySwitch";

export function ChannelInfo({ channel, way }: { channel: Channel; way: "channel" | "realtime" }) {
  const { user } = useAccount();
  const onAir = channel.live || channel.realTime === true;
  return (
    <div className="info">
      <div className="info-top">
        <div className="grow">
          <h1 className="t22">{channel.title}</h1>
          <div className="row wrap info-tags">
            <Link className="tag tag-cat" href={`/?category=${encodeURIComponent(channel.category.id)}`}>
              {channel.category.name}
            </Link>
            <WaySwitch channel={channel} way={way} />
          </div>
        </div>
        {onAir ? (
          <div className="info-num num">
            <Numbers channel={channel} way={way} />
          </div>
        ) : null}
      </div>
      <div className="streamer">
        <Avatar name={channel.username} size={56} />
        <div className="grow">
          <span className="row info-name">
            <b className="t16 b clip1">{channel.username}</b>
            {onAir ? <LiveBadge /> : null}
          </span>
          <span className="t13 muted clip1 info-since">On StreamCat since {monthOf(channel.createdAt)}</span>
          <span className="t13 muted info-brief num">
            {onAir ? <Numbers channel={channel} way={way} /> : channel.category.name}
          </span>
        </div>
        <div className="row acts">
          {user?.username === channel.username ? (
            <Link className="btn" href="/dashboard">
              Edit
            </Link>
          ) : null}
          <ShareButton channel={channel} />
        </div>
      </div>
    </div>
  );
}

/** Who watches is counted on the channel; beside the stage that number would be another's. */
function Numbers({ channel, way }: { channel: Channel; way: "channel" | "realtime" }) {
  if (channel.live && way === "channel") return <LiveNumbers viewers={channel.viewers} startedAt={channel.startedAt} />;
  return channel.realTimeSince ? <OnAirTime since={channel.realTimeSince} /> : null;
}

function ShareButton({ channel }: { channel: Channel }) {
  const [copied, setCopied] = useState(false);
  const share = async () => {
    const url = new URL(`/c/${encodeURIComponent(channel.username)}`, location.origin).href;
    if (navigator.share && matchMedia("(hover: none)").matches) {
      await navigator.share({ title: channel.title, url }).catch(() => undefined);
      return;
    }
    if (!(await copyText(url))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <button type="button" className={copied ? "btn good" : "btn"} onClick={share}>
      <Share2 className="i" />
      <span aria-live="polite">{copied ? "Link copied" : "Share"}</span>
    </button>
  );
}
