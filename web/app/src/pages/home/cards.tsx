import { Zap } from "lucide-react";
import type { ChannelCard } from "../../api/types";
import { Link } from "../../router/router";
import { Avatar, LiveBadge, PicturePlate, ViewersPlate } from "../../ui/marks";
import { watchPath } from "./listing";

/** Hardly behind at all: the people on the stage themselves. */
export function RealTimePlate() {
  return (
    <span className="plate">
      <Zap className="i" />
      Real time
    </span>
  );
}

export function LiveCard({ channel }: { channel: ChannelCard }) {
  return (
    <Link className="card" href={watchPath(channel)}>
      <div className="thumb">
        <PicturePlate name={channel.username} />
        <div className="tl">
          <LiveBadge />
          {channel.realTime ? <RealTimePlate /> : null}
        </div>
        {channel.live ? (
          <div className="bl">
            <ViewersPlate viewers={channel.viewers} />
          </div>
        ) : null}
      </div>
      <div className="card-body">
        <Avatar name={channel.username} />
        <div>
          <h3 className="clip2">{channel.title}</h3>
          <p className="clip1">{channel.username}</p>
          <p className="clip1">{channel.category.name}</p>
        </div>
      </div>
    </Link>
  );
}

export function RecentCard({ channel }: { channel: ChannelCard }) {
  return (
    <Link className="recent-card" href={watchPath(channel)}>
      <Avatar name={channel.username} />
      <span className="grow">
        <b className="b clip1">{channel.username}</b>
        <span className="t13 muted clip1">{channel.title}</span>
      </span>
    </Link>
  );
}
