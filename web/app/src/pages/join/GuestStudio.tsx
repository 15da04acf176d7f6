import { LogOut } from "lucide-react";
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Channel, GuestSeat } from "../../api/types";
import type { Devices, DevicesView } from "../../devices/devices";
import { useLiveFeed } from "../../live/feed";
import { Link, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { ThemeButton } from "../../shell/Bar";
import { Desk } from "../../stage/Desk";
import type { Closed } from "../../stage/invitation";
import { PeoplePanel } from "../../stage/PeoplePanel";
import { onStage } from "../../stage/people";
import { useScreens } from "../../stage/Tiles";
import { useLines } from "../../stage/useLines";
import { useLevels, useStage } from "../../stage/useStage";
import { useOutgoing } from "../../stage/useOutgoing";
import { LiveBadge, Mark } from "../../ui/marks";
import { keepSeat } from "./kept";

const Chat = lazy(() => import("../../chat/Chat"));

interface Props {
  username: string;
  invitation: string;
  seat: GuestSeat;
  devices: Devices;
  devicesView: DevicesView;
  onLeave: () => void;
  onClosed: (why: Closed) => void;
}

/** On somebody else's stage: seen, heard, chatting; nothing to steer but oneself. */
export function GuestStudio({ username, invitation, seat, devices, devicesView, onLeave, onClosed }: Props) {
  const { user } = useAccount();
  // The seat that opened this page is used once; a later one is asked for anew, and may be refused by then.
  const first = useRef<GuestSeat | undefined>(seat);
  const [session, view] = useStage(async (signal) => {
    const now = first.current;
    first.current = undefined;
    return now ?? api.join(username, invitation, signal);
  });
  const [outgoing, sharing] = useOutgoing(devicesView);
  useEffect(() => session.send(outgoing), [session, outgoing]);
  const people = useMemo(() => onStage(view.people), [view.people]);
  const levels = useLevels(people);
  const lines = useLines(session);
  const [screens, onScreen] = useScreens();

  const { data: channel, patch } = useResource(`channel/${username}`, (signal) => api.channel(username, signal));
  useLiveFeed(
    username,
    (card) => {
      if (card.username.toLowerCase() === username.toLowerCase()) patch((now) => ({ ...now, ...card }));
    },
    () => undefined,
  );
  const host = seat.host || username;
  const [air, title, detail] = airWords(channel, host, view.state.name === "back");
  useTitle(`On stage with ${host}`);

  const closed = useRef(onClosed);
  useEffect(() => {
    closed.current = onClosed;
  });
  const { state } = view;
  useEffect(() => {
    if (state.name === "gone") closed.current(state.why);
    else if (state.name === "failed" && state.code in codes) closed.current(codes[state.code]!);
  }, [state]);

  const { off: muted } = devicesView.microphone;
  const { off: cameraOff } = devicesView.camera;
  const keep = useCallback(() => keepSeat(invitation, { at: Date.now(), muted, cameraOff }), [invitation, muted, cameraOff]);
  useEffect(() => {
    keep();
    const timer = setInterval(keep, 5000);
    addEventListener("pagehide", keep);
    return () => {
      clearInterval(timer);
      removeEventListener("pagehide", keep);
    };
  }, [keep]);

  if (state.name === "gone") return null;
  return (
    <Desk
      session={session}
      view={view}
      people={people}
      levels={levels}
      lines={lines}
      layout="grid"
      namePlates
      screens={screens}
      onScreen={onScreen}
      devices={devices}
      devicesView={devicesView}
      sharing={sharing}
      header={
        <header className="bar st-bar">
          <Link className="brand" href={`/c/${encodeURIComponent(username)}`} aria-label={`Back to ${username}’s channel`}>
            <Mark />
          </Link>
          <div className="grow">
            <h1 className="clip1">{channel?.title || `On stage with ${host}`}</h1>
            <span className="small muted clip1 not-phone">You are a guest of {host}</span>
          </div>
          {air === "live" ? <LiveBadge large /> : null}
          <span className="not-phone">
            <ThemeButton />
          </span>
        </header>
      }
      note={
        <div className="st-note" role="status" data-air={air}>
          <span className="dot" aria-hidden="true" />
          <p>
            <b className="b">{title}</b> <span className="muted">{detail}</span>
          </p>
        </div>
      }
      right={
        <>
          <PeoplePanel people={people} lines={lines} />
          <Suspense fallback={<div className="chat" aria-hidden="true" />}>
            <Chat channel={username} available account={user?.username} />
          </Suspense>
        </>
      }
      tools={
        <button
          type="button"
          className="btn btn-lg leave"
          aria-label="Leave the stage"
          onClick={() => {
            session.leave();
            onLeave();
          }}
        >
          <LogOut className="i" />
          <span className="not-phone">Leave</span>
        </button>
      }
    />
  );
}

/** What a guest can know: real time is the stage itself; the channel may show it, or something of the host's alone. */
function airWords(
  channel: Channel | undefined,
  host: string,
  away: boolean,
): ["live" | "lost" | "private", title: string, detail: string] {
  if (away)
    return ["lost", "Your connection broke.", "The others may not see or hear you. It is being opened again by itself."];
  if (channel?.realTime) return ["live", "You are on air.", `Viewers of ${host} see and hear you.`];
  if (channel?.live) return ["live", `${host} is live.`, "Viewers of the channel may see and hear you."];
  return ["private", "Only people on the stage.", `Viewers see nothing until ${host} goes live.`];
}

const codes: Readonly<Record<string, Closed>> = {
  expired: "expired",
  removed: "removed",
  withdrawn: "withdrawn",
  "not-yours": "not-yours",
};
