import { CameraOff } from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import { useLiveFeed } from "../../live/feed";
import { Link, go, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { SkipLink } from "../../shell/Shell";
import { Empty, LoadFailed } from "../../ui/states";
import { Desk } from "./Desk";
import { Home } from "./Home";
import "./golive.css";

/** Going live from this tab alone: camera, microphone, screen, and the chat beside them. */
export default function GoLivePage() {
  useTitle("Go live");
  const { user } = useAccount();
  useEffect(() => {
    if (user === null) go("/signin?next=/golive", { replace: true });
  }, [user]);
  return (
    <>
      <SkipLink />
      {user ? <Loaded key={user.username} username={user.username} /> : <Waiting />}
    </>
  );
}

function Loaded({ username }: { username: string }) {
  const { data, error, patch, reload } = useResource("dashboard", api.dashboard);
  useLiveFeed(
    username,
    (card) => {
      if (card.username === username)
        patch((now) => ({ ...now, live: card.live, startedAt: card.startedAt ?? null, viewers: card.viewers }));
    },
    reload,
  );
  const { forget } = useAccount();
  useEffect(() => {
    if (error?.status === 401) forget();
  }, [error, forget]);
  if (!data) {
    if (!error || error.status === 401) return <Waiting />;
    return (
      <Outside>
        <LoadFailed error={error} retry={reload} />
      </Outside>
    );
  }
  if (!data.whip) {
    return (
      <Outside>
        <Empty icon={<CameraOff className="i i-lg" />} title="Going live from a tab is not offered here">
          <p className="t13">
            The video service behind this site takes channel broadcasts from encoders only. Your dashboard has what an encoder
            needs.
          </p>
          <Link className="btn btn-primary" href="/dashboard">
            To the dashboard
          </Link>
        </Empty>
      </Outside>
    );
  }
  return <Desk data={data} whip={data.whip} patch={patch} />;
}

function Outside({ children }: { children: ReactNode }) {
  return (
    <>
      <header className="bar gl-bar">
        <Home />
      </header>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="sr">Go live</h1>
        {children}
      </main>
    </>
  );
}

function Waiting() {
  return (
    <>
      <header className="bar gl-bar">
        <Home />
      </header>
      <div className="gl">
        <main id="main" className="gl-mid" tabIndex={-1} aria-busy="true">
          <div className="gl-note" />
          <div className="gl-stage sk" />
          <span className="sr" role="status">
            Loading
          </span>
        </main>
        <div className="gl-right" />
      </div>
    </>
  );
}
