import { Share2 } from "lucide-react";
import { useState } from "react";
import type { Channel } from "../../api/types";
import { Link } from "../../router/router";
import { useAccount } from "../../session/session";
import { copyText } from "../../ui/copy";
import { monthOf } from "../../ui/format";
import { Avatar, LiveBadge, LiveNumbers } from "../../ui/marks";

export function ChannelInfo({ channel }: { channel: Channel }) {
  const { user } = useAccount();
  return (
    <div className="info">
      <div className="info-top">
        <div className="grow">
          <h1 className="t22">{channel.title}</h1>
          <div className="row wrap info-tags">
            <Link className="tag tag-cat" href={`/?category=${encodeURIComponent(channel.category.id)}`}>
              {channel.category.name}
            </Link>
          </div>
        </div>
        {channel.live ? (
          <div className="info-num num">
            <LiveNumbers viewers={channel.viewers} startedAt={channel.startedAt} />
          </div>
        ) : null}
      </div>
      <div className="streamer">
        <Avatar name={channel.username} size={56} />
        <div className="grow">
          <span className="row info-name">
            <b className="t16 b clip1">{channel.username}</b>
            {channel.live ? <LiveBadge /> : null}
          </span>
          <span className="t13 muted clip1 info-since">On StreamCat since {monthOf(channel.createdAt)}</span>
          <span className="t13 muted info-brief num">
            {channel.live ? <LiveNumbers viewers={channel.viewers} startedAt={channel.startedAt} /> : channel.category.name}
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
