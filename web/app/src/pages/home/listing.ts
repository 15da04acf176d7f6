import type { ChannelCard, Channels } from "../../api/types";

/** Most watched first; equals keep one order, so that cards do not change places for nothing. */
const byViewers = (a: ChannelCard, b: ChannelCard) => b.viewers - a.viewers || a.username.localeCompare(b.username);

/**
 * The listing after one card changed. A changed viewer count alone moves nothing: cards jump only
 * when a channel comes or goes.
 */
export function merge(now: Channels, card: ChannelCard): Channels {
  const same = (c: ChannelCard) => c.username === card.username;
  const wasLive = now.live.some(same);
  if (card.live) {
    return {
      live: wasLive ? now.live.map((c) => (same(c) ? card : c)) : [...now.live, card].sort(byViewers),
      recent: now.recent.filter((c) => !same(c)),
    };
  }
  const known = wasLive || now.recent.some(same);
  return {
    live: now.live.filter((c) => !same(c)),
    recent: known
      ? wasLive
        ? [card, ...now.recent.filter((c) => !same(c))]
        : now.recent.map((c) => (same(c) ? card : c))
      : now.recent,
  };
}
