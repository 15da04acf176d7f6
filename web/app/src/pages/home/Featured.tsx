import { Play, VolumeX } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import type { ChannelCard } from "../../api/types";
import { Link } from "../../router/router";
import { Avatar, LiveBadge, LiveNumbers, OnAirTime, PicturePlate } from "../../ui/marks";
import { RealTimePlate } from "./cards";
import { watchPath } from "./listing";

const Preview = lazy(() => import("../../player/Preview"));

/** The most watched stream, large, with its own picture moving in it once the page stands. */
export function Featured({ channel }: { channel: ChannelCard }) {
  const href = watchPath(channel);
  const preview = usePreviewWish();
  const [moving, setMoving] = useState(false);
  return (
    <section className="hero" aria-label="Featured">
      {/* The same way in as the button beside it, for the pointer; one is enough for everybody else. */}
      <Link className="hero-pic" href={href} tabIndex={-1} aria-hidden="true">
        <PicturePlate name={channel.username} />
        {preview && channel.live ? (
          <Suspense fallback={null}>
            <Preview username={channel.username} onMoving={setMoving} />
          </Suspense>
        ) : null}
        <span className="hero-top">
          <LiveBadge large />
          {channel.realTime ? <RealTimePlate /> : null}
        </span>
        {moving ? (
          <span className="hero-cc plate">
            <VolumeX className="i" />
            Muted preview
          </span>
        ) : null}
      </Link>
      <div className="hero-info">
        <div className="row row-3 hero-who">
          <Avatar name={channel.username} />
          <div className="grow">
            <div className="b clip1">{channel.username}</div>
            <div className="t13 muted clip1">{channel.category.name}</div>
          </div>
        </div>
        <h2 className="t28 clip3">{channel.title}</h2>
        <div className="row wrap t13 num hero-num">
          {channel.live ? (
            <LiveNumbers viewers={channel.viewers} startedAt={channel.startedAt} />
          ) : channel.realTimeSince ? (
            <OnAirTime since={channel.realTimeSince} />
          ) : null}
        </div>
        <Link className="btn btn-primary btn-lg hero-go" href={href}>
          <Play className="i i-fill" />
          Watch
        </Link>
      </div>
    </section>
  );
}

/** A preview costs data and moves: not before the page stands, and not for those who asked for less. */
function usePreviewWish(): boolean {
  const [wish, setWish] = useState(false);
  useEffect(() => {
    const connection = (navigator as { connection?: { saveData?: boolean } }).connection;
    if (connection?.saveData || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    const timer = setTimeout(() => setWish(true), 400);
    return () => clearTimeout(timer);
  }, []);
  return wish;
}
