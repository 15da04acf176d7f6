import { Suspense, lazy, useCallback, useEffect, useState } from "react";
import type { Channel } from "../../api/types";
import { useTitle } from "../../router/router";
import { OffAir } from "./OffAir";
import { WatchFrame } from "./WatchFrame";
import { useChannel } from "./useChannel";

const Player = lazy(() => import("../../player/Player").then((m) => ({ default: m.Player })));

export default function ChannelPage({ username }: { username: string }) {
  const channel = useChannel(username);
  const { data } = channel;
  const [theatre, setTheatre] = useState(false);
  useTitle(data ? `${data.title} · ${data.username}` : username);

  useEffect(() => {
    document.documentElement.toggleAttribute("data-theatre", theatre);
    return () => document.documentElement.removeAttribute("data-theatre");
  }, [theatre]);

  return (
    <WatchFrame
      username={username}
      channel={channel}
      way="channel"
      picture={(now) => <Picture channel={now} theatre={theatre} onTheatre={() => setTheatre((on) => !on)} />}
    />
  );
}

interface PictureProps {
  channel: Channel;
  theatre: boolean;
  onTheatre: () => void;
}

/** The window: the player while there is something to play, else what is known of the next time. */
function Picture({ channel, theatre, onTheatre }: PictureProps) {
  const [playing, setPlaying] = useState(channel.live);
  if (channel.live && !playing) setPlaying(true);
  const onOver = useCallback(() => setPlaying(false), []);
  if (!playing) return <OffAir channel={channel} />;
  return (
    <Suspense fallback={<div className="player" />}>
      <Player
        url={channel.playbackUrl}
        name={channel.username}
        live={channel.live}
        interrupted={channel.interrupted === true}
        startedAt={channel.startedAt}
        viewers={channel.viewers}
        theatre={theatre}
        onTheatre={onTheatre}
        onOver={onOver}
      />
    </Suspense>
  );
}
