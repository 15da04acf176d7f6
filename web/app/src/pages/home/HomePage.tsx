import { LayoutDashboard, Radio, UserPlus } from "lucide-react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Category, ChannelCard } from "../../api/types";
import { useLiveFeed } from "../../live/feed";
import { Link, useAddress, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { count, plural } from "../../ui/format";
import { Empty, LoadFailed } from "../../ui/states";
import { Featured } from "./Featured";
import { HomeSkeleton } from "./HomeSkeleton";
import { LiveCard, RecentCard } from "./cards";
import { arranged, merge } from "./listing";
import "./home.css";

const listing = async (signal: AbortSignal) => arranged(await api.channels(signal));

export function HomePage() {
  useTitle("");
  const { data, error, patch, reload } = useResource("channels", listing);
  useLiveFeed(undefined, (channel) => patch((now) => merge(now, channel)), reload);
  const chosen = useAddress().searchParams.get("category");

  return (
    <Shell>
      <main id="main" className="page home" tabIndex={-1} aria-busy={!data && !error}>
        <h1 className="sr">Live now on StreamCat</h1>
        {data ? (
          data.live.length > 0 ? (
            <LiveNow live={data.live} chosen={chosen} />
          ) : (
            <NobodyLive />
          )
        ) : error ? (
          <LoadFailed error={error} retry={reload} />
        ) : (
          <HomeSkeleton />
        )}
        {data && data.recent.length > 0 ? (
          <section className="sec" aria-labelledby="h-recent">
            <div className="sec-head">
              <h2 id="h-recent">Off air</h2>
              <span className="grow not-phone">Here lately. Their pages turn live by themselves.</span>
            </div>
            <ul className="recent">
              {data.recent.map((channel) => (
                <li key={channel.username}>
                  <RecentCard channel={channel} />
                </li>
              ))}
            </ul>
          </section>
        ) : null}
      </main>
    </Shell>
  );
}

function LiveNow({ live, chosen }: { live: ChannelCard[]; chosen: string | null }) {
  const categories = [...new Map(live.map((c) => [c.category.id, c.category])).values()];
  const kept = categories.some((c) => c.id === chosen) ? live.filter((c) => c.category.id === chosen) : live;
  const watching = live.reduce((sum, c) => sum + c.viewers, 0);
  const [first, ...others] = kept;
  return (
    <>
      {first ? <Featured key={first.username} channel={first} /> : null}
      {live.length > 1 ? (
        <section className="sec" aria-labelledby="h-live">
          <div className="sec-head">
            <h2 id="h-live">Live now</h2>
            <span className="grow num">
              {plural(live.length, "channel")}, {count(watching)} watching
            </span>
          </div>
          {categories.length > 1 ? <CategoryFilter categories={categories} chosen={chosen} /> : null}
          {others.length > 0 ? (
            <ul className="grid">
              {others.map((channel) => (
                <li key={channel.username}>
                  <LiveCard channel={channel} />
                </li>
              ))}
            </ul>
          ) : (
            <p className="muted">This is the only one on air in this category.</p>
          )}
        </section>
      ) : null}
    </>
  );
}

function CategoryFilter({ categories, chosen }: { categories: Category[]; chosen: string | null }) {
  const on = categories.some((c) => c.id === chosen) ? chosen : null;
  return (
    <nav className="filter" aria-label="Categories">
      <Link className="tag" href="/" aria-current={on === null ? "true" : undefined}>
        Everything
      </Link>
      {categories.map((c) => (
        <Link
          key={c.id}
          className="tag"
          href={`/?category=${encodeURIComponent(c.id)}`}
          aria-current={on === c.id ? "true" : undefined}
        >
          {c.name}
        </Link>
      ))}
    </nav>
  );
}

function NobodyLive() {
  const { user } = useAccount();
  return (
    <section className="panel nobody" aria-label="Nobody is on air">
      <Empty icon={<Radio className="i i-lg" />} title="Nobody is on air right now">
        <p>
          {user
            ? "You could be the first: your dashboard has the two things an encoder needs."
            : "Streams appear here by themselves. With a channel of your own you could be the first."}
        </p>
        {user ? (
          <Link className="btn btn-primary" href="/dashboard">
            <LayoutDashboard className="i" />
            Open your dashboard
          </Link>
        ) : (
          <Link className="btn btn-primary" href="/register">
            <UserPlus className="i" />
            Create a channel
          </Link>
        )}
      </Empty>
    </section>
  );
}
