import type { Channel } from "../../api/types";
import { Link } from "../../router/router";

/** Two ways to watch the same show, while there are two: at once, or some seconds later with quality and pause. */
export function WaySwitch({ channel, way }: { channel: Channel; way: "channel" | "realtime" }) {
  const home = `/c/${encodeURIComponent(channel.username)}`;
  const ways = [
    { id: "realtime", href: `${home}/realtime`, text: "Real time", open: channel.realTime === true },
    { id: "channel", href: home, text: "Channel", open: channel.live },
  ].filter((w) => w.open || w.id === way);
  if (ways.length < 2 || !ways.every((w) => w.open)) return null;
  return (
    <nav className="seg ways" aria-label="Ways to watch">
      {ways.map((w) => (
        <Link key={w.id} href={w.href} aria-current={w.id === way ? "page" : undefined}>
          {w.text}
        </Link>
      ))}
    </nav>
  );
}
