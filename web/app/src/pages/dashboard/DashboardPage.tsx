import { ExternalLink, Shield, Unplug } from "lucide-react";
import { useEffect } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { ChannelCard, Dashboard } from "../../api/types";
import { useLiveFeed } from "../../live/feed";
import { Link, go, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { OnAirClock } from "../../ui/marks";
import { LoadFailed } from "../../ui/states";
import { DashboardSkeleton } from "./DashboardSkeleton";
import { GoLive } from "./GoLive";
import { HealthPanel } from "./HealthPanel";
import { NowPanel } from "./NowPanel";
import { SecondsLeft } from "./SecondsLeft";
import { type Standing as Health, useStreamHealth } from "./useStreamHealth";
import "./dashboard.css";

export default function DashboardPage() {
  useTitle("Dashboard");
  const { user } = useAccount();
  useEffect(() => {
    if (user === null) go("/signin?next=/dashboard", { replace: true });
  }, [user]);
  return (
    <Shell>
      <main id="main" className="page dash" tabIndex={-1} aria-busy={!user}>
        {user ? <Overview key={user.username} username={user.username} /> : <DashboardSkeleton />}
      </main>
    </Shell>
  );
}

function Overview({ username }: { username: string }) {
  const { data, error, patch, reload } = useResource("dashboard", api.dashboard);
  useLiveFeed(
    username,
    (card) => {
      // Title and category are edited here; what others hear of them must not overwrite what is being typed.
      if (card.username === username) patch((now) => ({ ...now, ...airOf(card) }));
    },
    reload,
  );
  const health = useStreamHealth(data && `${data.live} ${data.interrupted ?? false}`);
  const { forget } = useAccount();
  useEffect(() => {
    if (error?.status === 401) forget();
  }, [error, forget]);
  if (!data) return error && error.status !== 401 ? <LoadFailed error={error} retry={reload} /> : <DashboardSkeleton />;
  return (
    <>
      <div className="dash-head">
        <div className="grow">
          <h1 className="t28">Dashboard</h1>
          <p className="muted" role="status">
            <Standing data={data} health={health.standing} />
          </p>
        </div>
        <Link className="btn" href={`${data.channelPath}/moderation`}>
          <Shield className="i" />
          Moderation
        </Link>
        <Link className="btn" href={data.channelPath}>
          <ExternalLink className="i" />
          View channel
        </Link>
      </div>
      <div className="dash-top" data-live={data.live || data.realTime || undefined}>
        <GoLive data={data} onKey={(masked) => patch((now) => ({ ...now, streamKey: { masked } }))} />
        <NowPanel data={data} onSaved={(saved) => patch(() => saved)} />
      </div>
      <HealthPanel {...health} />
    </>
  );
}

/** What the live feed may change of what stands here. */
const airOf = (card: ChannelCard) => ({
  live: card.live,
  startedAt: card.startedAt ?? null,
  viewers: card.viewers,
  interrupted: card.interrupted ?? false,
  realTime: card.realTime ?? false,
  realTimeSince: card.realTimeSince ?? null,
});

function Standing({ data, health }: { data: Dashboard; health: Health }) {
  const since = data.live ? data.startedAt : data.realTimeSince;
  if (!data.live && !data.realTime) return `Off air. Two ${data.whip ? "clicks" : "steps"} and you are live.`;
  return (
    <>
      {data.live ? "On air" : "On air from the stage, in real time,"}{" "}
      {since ? (
        <>
          for{" "}
          <span className="num" aria-hidden="true">
            <OnAirClock since={since} />
          </span>
        </>
      ) : (
        "now"
      )}
      .{data.live ? <Line interrupted={data.interrupted === true} health={health} /> : null}
    </>
  );
}

/** What is wrong with the line to the encoder, if anything is: as it is measured, or else as the service has it. */
function Line({ interrupted, health }: { interrupted: boolean; health: Health }) {
  const measured = health.state === "live" && !health.stale;
  const waitsUntil = measured ? health.waitsUntil : undefined;
  if (waitsUntil !== undefined) {
    return (
      <b className="dash-line">
        <Unplug className="i i-sm" /> Waiting for your encoder
        <SecondsLeft until={waitsUntil} before=", " />.
      </b>
    );
  }
  if (!(measured ? health.stream.health === "STARVING" : interrupted)) return null;
  return (
    <b className="dash-line">
      <Unplug className="i i-sm" /> Nothing arrives from your encoder.
    </b>
  );
}
