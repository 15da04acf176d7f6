import { api } from "../../api/endpoints";
import { type Resource, useResource } from "../../api/resource";
import type { Channel } from "../../api/types";
import { useLiveFeed } from "../../live/feed";

/** A channel as it is now: asked for once, then followed. */
export function useChannel(username: string): Resource<Channel> {
  const channel = useResource(`channel/${username}`, (signal) => api.channel(username, signal));
  useLiveFeed(
    username,
    (card) => {
      if (card.username.toLowerCase() === username.toLowerCase()) channel.patch((now) => ({ ...now, ...card }));
    },
    channel.reload,
  );
  return channel;
}
