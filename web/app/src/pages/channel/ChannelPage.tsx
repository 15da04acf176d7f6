import { MessageSquare, UserX } from "lucide-react";
import { Suspense, lazy, useCallback, useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Channel } from "../../api/types";
import { useLiveFeed } from "../../live/feed";
import { Link, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { Empty, LoadFailed } from "../../ui/states";
import { ChannelInfo } from "./ChannelInfo";
import { OffAir } from "./OffAir";
import "./channel.css";
import "../../player/player.css";

const Player = lazy(() => import("../../player/Player").then((m) => ({ default: m.Player })));
const Chat = lazy(() => import("../../chat/Chat"));

export default function ChannelPage({ username }: { username: string }) {
  const { data, error, patch, reload } = useResource(`channel/${username}`, (signal) => api.channel(username, signal));
  useLiveFeed(
    username,
    (card) => {
      if (card.username.toLowerCase() === username.toLowerCase()) patch((now) => ({ ...now, ...card }));
    },
    reload,
  );
  const [theatre, setTheatre] = useState(false);
  const [chatShown, setChatShown] = useState(true);
  const { user } = useAccount();
  useTitle(data ? `${data.title} · ${data.username}` : username);

  useEffect(() => {
    document.documentElement.toggleAttribute("data-theatre", theatre);
    return () => document.documentElement.removeAttribute("data-theatre");
  }, [theatre]);

  if (!data && error) {
    return (
      <Shell>
        <main id="main" className="page" tabIndex={-1}>
          {error.status === 404 ? <NoChannel username={username} /> : <LoadFailed error={error} retry={reload} />}
        </main>
      </Shell>
    );
  }
  return (
    <Shell tabs={false}>
      <div className="watch" data-chat={chatShown ? "shown" : "hidden"}>
        <main id="main" className="watch-main" tabIndex={-1} aria-busy={!data}>
          {data ? (
            <Picture channel={data} theatre={theatre} onTheatre={() => setTheatre((on) => !on)} />
          ) : (
            <div className="player" />
          )}
          {data ? <ChannelInfo channel={data} /> : <InfoSkeleton />}
          {!chatShown ? (
            <button type="button" className="btn chat-show" onClick={() => setChatShown(true)}>
              <MessageSquare className="i" />
              Show chat
            </button>
          ) : null}
        </main>
        {chatShown ? (
          data && user !== undefined ? (
            <Suspense fallback={<ChatPlace />}>
              <Chat
                channel={data.username}
                available={data.room.available}
                account={user?.username}
                onHide={() => setChatShown(false)}
              />
            </Suspense>
          ) : (
            <ChatPlace />
          )
        ) : null}
      </div>
    </Shell>
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
        startedAt={channel.startedAt}
        viewers={channel.viewers}
        theatre={theatre}
        onTheatre={onTheatre}
        onOver={onOver}
      />
    </Suspense>
  );
}

function NoChannel({ username }: { username: string }) {
  return (
    <>
      <h1 className="sr">Channel not found</h1>
      <Empty icon={<UserX className="i i-lg" />} title={`There is no channel named ${username}`}>
        <p className="t13">The name may be misspelt, or its owner has left.</p>
        <Link className="btn btn-primary" href="/">
          See who is live
        </Link>
      </Empty>
    </>
  );
}

function InfoSkeleton() {
  return (
    <div className="info" aria-hidden="true">
      <span className="sk sk-title sk-w60" />
      <span className="sk sk-tag" />
      <div className="streamer">
        <span className="sk sk-av-56" />
        <span className="sk sk-line sk-w40" />
      </div>
    </div>
  );
}

const ChatPlace = () => (
  <div className="chat" aria-hidden="true">
    <div className="chat-head" />
  </div>
);
