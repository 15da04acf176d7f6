import { ArrowLeft, ShieldOff } from "lucide-react";
import { useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { ChatState } from "../../api/types";
import { moderates } from "../../chat/order";
import { Link, go, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { Empty, LoadFailed } from "../../ui/states";
import { Deeds } from "./Deeds";
import { Moderators } from "./Moderators";
import { Modes } from "./Modes";
import { Penalties } from "./Penalties";
import { Rules } from "./Rules";
import "./moderation.css";

/** Where a channel's owner and moderators look after its chat. */
export default function ModerationPage({ username }: { username: string }) {
  useTitle(`Moderation · ${username}`);
  const { user } = useAccount();
  const { data, error, reload } = useResource(`chat ${username}`, (signal) => api.chat(username, signal));
  useEffect(() => {
    if (user === null) go(`/signin?next=${encodeURIComponent(`/c/${username}/moderation`)}`, { replace: true });
  }, [user, username]);
  return (
    <Shell>
      <main id="main" className="page mdr" tabIndex={-1} aria-busy={!data}>
        <div className="dash-head">
          <div className="grow">
            <h1 className="t28">Moderation</h1>
            <p className="muted">The chat of {username}: who may write, and what was done about it.</p>
          </div>
          <Link className="btn" href={`/c/${encodeURIComponent(username)}`}>
            <ArrowLeft className="i" />
            To the channel
          </Link>
        </div>
        {data ? (
          moderates(data.role) ? (
            <Desk username={username} state={data} />
          ) : user ? (
            <Empty icon={<ShieldOff className="i i-lg" />} title={`You do not moderate ${username}’s chat`}>
              <p className="t13">The channel’s owner names moderators, by their username.</p>
            </Empty>
          ) : null
        ) : error ? (
          <LoadFailed error={error} retry={reload} />
        ) : (
          <div className="mdr-grid" aria-hidden="true">
            <div className="panel sk-panel" />
            <div className="panel sk-panel" />
          </div>
        )}
      </main>
    </Shell>
  );
}

function Desk({ username, state }: { username: string; state: ChatState }) {
  const owner = state.role === "owner";
  // What is done in one panel is in the log of another.
  const [deeds, setDeeds] = useState(0);
  const [undone, setUndone] = useState(0);
  const onDone = () => setDeeds((n) => n + 1);
  return (
    <div className="mdr-grid">
      <div className="mdr-col">
        <Penalties key={undone} username={username} onDone={onDone} />
        <Deeds username={username} done={deeds} onUndone={() => setUndone((n) => n + 1)} />
      </div>
      <div className="mdr-col">
        <Modes key={undone} username={username} state={state} undone={undone} onDone={onDone} />
        {owner ? <Rules username={username} /> : null}
        <Moderators username={username} owner={owner} onDone={onDone} />
      </div>
    </div>
  );
}
