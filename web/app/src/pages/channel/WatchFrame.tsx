import { MessageSquare, UserX } from "lucide-react";
import { type ReactNode, Suspense, lazy, useCallback, useEffect, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import type { Resource } from "../../api/resource";
import type { Channel } from "../../api/types";
import type { Chatter } from "../../chat/Chat";
import type { ChatRoom, RoomEvent } from "../../chat/room";
import { Link } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { InviteLink, InviteToast } from "../../stage/InviteToast";
import { readRealTime } from "../../stage/realtime";
import { useInvite } from "../../stage/useInvite";
import { Empty, LoadFailed } from "../../ui/states";
import { ChannelInfo } from "./ChannelInfo";
import "./channel.css";
import "../../player/player.css";

const Chat = lazy(() => import("../../chat/Chat"));

interface Props {
  username: string;
  channel: Resource<Channel>;
  way: "channel" | "realtime";
  picture: (channel: Channel) => ReactNode;
}

/** A picture, what it is, and the chat beside it: the channel page, with delay and without. */
export function WatchFrame({ username, channel, way, picture }: Props) {
  const { data, error, patch, reload } = channel;
  const [chatShown, setChatShown] = useState(true);
  const { user } = useAccount();
  const invited = useInvite(data?.username ?? username);
  const onEvent = useRealTimeWord(username, patch, reload);

  if (!data && error) {
    return (
      <Shell>
        <main id="main" className="page" tabIndex={-1}>
          {error.status === 404 ? <NoChannel username={username} /> : <LoadFailed error={error} retry={reload} />}
        </main>
      </Shell>
    );
  }
  const own = user !== undefined && user !== null && user.username === data?.username;
  return (
    <Shell tabs={false} extra={<InviteLink invite={invited.invite} />}>
      <div className="watch" data-chat={chatShown ? "shown" : "hidden"}>
        <main id="main" className="watch-main" tabIndex={-1} aria-busy={!data}>
          {data ? picture(data) : <div className="player" />}
          {data ? <ChannelInfo channel={data} way={way} /> : <InfoSkeleton />}
          {!chatShown ? (
            <button type="button" className="btn chat-show" onClick={() => setChatShown(true)}>
              <MessageSquare className="i" />
              Show chat
            </button>
          ) : null}
        </main>
        {data && user !== undefined ? (
          <Suspense fallback={chatShown ? <ChatPlace /> : null}>
            <Chat
              channel={data.username}
              available={data.room.available}
              account={user?.username}
              hidden={!chatShown}
              onHide={() => setChatShown(false)}
              onEvent={(event, me) => {
                invited.onEvent(event, me);
                onEvent(event);
              }}
              {...(own ? { onInvite: invite } : {})}
            />
          </Suspense>
        ) : chatShown ? (
          <ChatPlace />
        ) : null}
      </div>
      <InviteToast {...invited} />
    </Shell>
  );
}

async function invite(who: Chatter, room: ChatRoom): Promise<void> {
  try {
    await api.invite(who.userId, who.name);
    room.note(`You invited ${who.name}. Open your studio to meet them on stage`);
  } catch (cause) {
    room.note(`Not invited: ${who.name}. ${cause instanceof ApiError ? cause.message : "Try again."}`);
  }
}

/** The chat's word on real time comes first, the server is asked whether it is so. */
function useRealTimeWord(username: string, patch: Resource<Channel>["patch"], reload: () => void) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useCallback(
    ({ name, attributes }: RoomEvent) => {
      const isLive = readRealTime(name, attributes, username);
      if (isLive === undefined) return;
      patch((now) =>
        Boolean(now.realTime) === isLive
          ? now
          : { ...now, realTime: isLive, realTimeSince: isLive ? new Date().toISOString() : null },
      );
      clearTimeout(timer.current);
      // A room full of people does not ask in one beat.
      timer.current = setTimeout(reload, 1000 + Math.random() * 4000);
    },
    [username, patch, reload],
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
