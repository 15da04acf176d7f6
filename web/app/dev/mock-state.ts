import type { Category, ChannelCard, Invitation, User } from "../src/api/types";

export const categories: Category[] = [
  { id: "talk", name: "Talk Shows & Podcasts" },
  { id: "chatting", name: "Just Chatting" },
  { id: "shopping", name: "Live Shopping" },
  { id: "gaming", name: "Sports & Gaming" },
  { id: "events", name: "Conferences & Events" },
];

const begun = Date.now();
const minutes = (n: number) => new Date(begun - n * 60_000).toISOString();

function card(username: string, title: string, shelf: number, viewers: number, since: number): ChannelCard {
  return {
    username,
    title,
    category: categories[shelf]!,
    live: since > 0,
    startedAt: since > 0 ? minutes(since) : null,
    viewers,
    realTime: false,
    realTimeSince: null,
  };
}

/** Every channel of the mock, by lower-case username. */
export const channels = new Map<string, ChannelCard>(
  [
    card("field-notes", "Saturn, then whatever the clouds allow", 4, 2318, 252),
    card("patchbay", "Four oscillators, no plan: you pick the next patch", 1, 412, 107),
    card("northbound-cab", "Night mail to Hallen: cab view over the Ostvik pass, light snow", 1, 1204, 61),
    card("harbor_futsal", "Ropeworks v Lighthouse, Harbor League week 9", 3, 388, 33),
    card("rook-and-riddle", "Rapid arena, round 6 of 9, with slow explanations", 3, 296, 140),
    card("tiny_foundry", "Forty paper lamps before the holidays, seconds from 18", 2, 173, 18),
    card("orchardist", "Pixel Orchard any%: two seconds off, all night if needed", 3, 151, 500),
    card("evenings", "Boring queues, calm weekends: Hall B, day two", 4, 94, 201),
    card("soup-at-six", "Soup at six: miso broth, what is left in the fridge", 1, 0, 2),
    card("kilnlight", "Throwing a tea set, start to finish, with the mistakes left in", 2, 0, 0),
    card("low-tide", "Who owns the tram timetable?", 0, 0, 0),
    card("window-seat", "Harbor light and one small boat, eight quiet hours", 1, 0, 0),
  ].map((c) => [c.username, c]),
);
// Two are on their stages for viewers: one on the channel, too, one in real time alone.
channels.set("northbound-cab", { ...channels.get("northbound-cab")!, realTime: true, realTimeSince: minutes(58) });
channels.set("low-tide", { ...channels.get("low-tide")!, realTime: true, realTimeSince: minutes(42) });

/** The invitations to each host's stage. */
export const invitations = new Map<string, Invitation[]>();

export const users = new Map<string, { user: User; password: string; key: string }>(
  ["patchbay", "kilnlight"].map((username) => [
    username,
    {
      user: { username, createdAt: "2025-03-04T10:00:00Z" },
      password: "oscillate4",
      key: `sk_us-east-1_${username}Tq81nVbZs0aLk49fQ2`,
    },
  ]),
);

export const listeners = new Set<(card: ChannelCard) => void>();

export function change(username: string, patch: Partial<ChannelCard>): void {
  const now = channels.get(username.toLowerCase());
  if (!now) return;
  const next = { ...now, ...patch };
  channels.set(username.toLowerCase(), next);
  for (const told of listeners) told(next);
}
