import type { ChannelCard, Channels } from "../../api/types";

/** Most watched first; equals keep one order, so that cards do not change places for nothing. */
const byViewers = (a: ChannelCard, b: ChannelCard) => b.viewers - a.viewers || a.username.localeCompare(b.username);

/** On air in any way: on the channel, or on the stage in real time. */
export const onAir = (card: ChannelCard): boolean => card.live || card.realTime === true;

/** The listing as the page shows it: who is live in real time alone is live, too. */
export function arranged({ live, recent }: Channels): Channels {
  const rest = live.filter((c) => !onAir(c));
  return {
    live: [...live.filter(onAir), ...recent.filter(onAir)].sort(byViewers),
    recent: [...rest, ...recent.filter((c) => !onAir(c))],
  };
}

/** Where a card leads: to the picture that is there. */
export const watchPath = (card: ChannelCard): string =>
  `/c/${encodeURIComponent(card.username)}${card.realTime && !card.live ? "/realtime" : ""}`;

/**
 * The listing after one card changed. A changed viewer count alone moves nothing: cards jump only
 * when a channel comes or goes.
 */
export function merge(now: Channels, card: ChannelCard): Channels {
  const same = (c: ChannelCard) => c.username === card.username;
  const wasLive = now.live.some(same);
  if (onAir(card)) {
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
