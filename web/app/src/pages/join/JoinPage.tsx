import { CircleX, Clock, LogIn, TicketX, UserX } from "lucide-react";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { GuestSeat } from "../../api/types";
import { useDevices } from "../../devices/useDevices";
import { Link, useAddress, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { GreenRoom } from "../../stage/GreenRoom";
import { type Closed, checkPath, closedBy, joinPath } from "../../stage/invitation";
import { Empty, LoadFailed } from "../../ui/states";
import { GuestStudio } from "./GuestStudio";
import { keepSeat, wasOnStage } from "./kept";

/** Where an invitation leads: a look in the mirror, then the stage. */
export default function JoinPage({ username }: { username: string }) {
  const invitation = useAddress().searchParams.get("invitation") ?? "";
  const { user } = useAccount();
  useTitle(`Join ${username} on stage`);
  if (invitation === "") return <Notice username={username} closed="missing" />;
  if (user === undefined) return <Waiting />;
  return <Invited key={`${invitation}/${user?.username ?? ""}`} username={username} invitation={invitation} />;
}

function Invited({ username, invitation }: { username: string; invitation: string }) {
  const { data, error, reload } = useResource(`join/${username}/${invitation}`, (signal) =>
    api.join(username, invitation, signal),
  );
  const [closed, setClosed] = useState<Closed>();
  if (closed) return <Notice username={username} closed={closed} />;
  if (data)
    return (
      <Rooms
        username={username}
        invitation={invitation}
        seat={data}
        onClosed={(why) => {
          keepSeat(invitation, false);
          setClosed(why);
        }}
      />
    );
  if (!error) return <Waiting />;
  const why = closedBy(error);
  if (why) return <Notice username={username} closed={why} />;
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="sr">Join the stage</h1>
        <LoadFailed error={error} retry={reload} />
      </main>
    </Shell>
  );
}

interface RoomsProps {
  username: string;
  invitation: string;
  seat: GuestSeat;
  onClosed: (why: Closed) => void;
}

function Rooms({ username, invitation, seat, onClosed }: RoomsProps) {
  const [start] = useState(() => wasOnStage(invitation, Date.now()));
  const [onStage, setOnStage] = useState(start !== undefined);
  const [devices, view] = useDevices();
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (start) {
      void devices.setOff("microphone", start.muted);
      void devices.setOff("camera", start.cameraOff);
    }
    setReady(true);
  }, [devices, start]);
  const leave = useCallback(() => {
    keepSeat(invitation, false);
    setOnStage(false);
  }, [invitation]);
  if (onStage && ready)
    return (
      <GuestStudio
        username={username}
        invitation={invitation}
        seat={seat}
        devices={devices}
        devicesView={view}
        onLeave={leave}
        onClosed={onClosed}
      />
    );
  return (
    <Shell tabs={false}>
      <GreenRoom
        title={`Join ${seat.host || username} on stage`}
        name={seat.username}
        role="Guest"
        devices={devices}
        view={view}
        enter="Join the stage"
        onEnter={() => setOnStage(true)}
        check={checkPath(joinPath({ channel: username, id: invitation }), username)}
      >
        <p>You were invited to be seen and heard. See how you look and sound first.</p>
      </GreenRoom>
    </Shell>
  );
}

const notices: Record<Closed, { icon: ReactNode; title: string; text: (host: string) => string }> = {
  expired: {
    icon: <Clock className="i i-lg" />,
    title: "This invitation has expired",
    text: (host) => `Invitations hold for a while only. Write in the chat, and ${host} can invite you again.`,
  },
  removed: {
    icon: <UserX className="i i-lg" />,
    title: "You were removed from the stage",
    text: (host) => `${host} took you off the stage, so this invitation works no more. You can still watch and chat.`,
  },
  withdrawn: {
    icon: <TicketX className="i i-lg" />,
    title: "This invitation was withdrawn",
    text: (host) => `${host} took it back. You can still watch and chat.`,
  },
  "not-yours": {
    icon: <CircleX className="i i-lg" />,
    title: "This invitation is for somebody else",
    text: () => "It works only for the one who was invited. If that is you, sign in as you were in the chat.",
  },
  missing: {
    icon: <TicketX className="i i-lg" />,
    title: "There is no such invitation",
    text: (host) => `The link may be cut off. Open it from the message again, or ask ${host} for another.`,
  },
  deleted: {
    icon: <UserX className="i i-lg" />,
    title: "The stage was closed",
    text: (host) => `${host} has no stage any more. You can still look at the channel.`,
  },
  elsewhere: {
    icon: <LogIn className="i i-lg" />,
    title: "You are on stage elsewhere",
    text: () => "You joined in another tab or on another device, and only one can be you.",
  },
};

/** Why there is no way onto the stage, and what to do instead. */
function Notice({ username, closed }: { username: string; closed: Closed }) {
  const { user } = useAccount();
  const { pathname, search } = useAddress();
  const { icon, title, text } = notices[closed];
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1} data-invitation-state={closed}>
        <h1 className="sr">Join the stage</h1>
        <div role="alert">
          <Empty icon={icon} title={title}>
            <p className="t13">{text(username)}</p>
            <div className="row wrap">
              {closed === "elsewhere" ? (
                <button type="button" className="btn btn-primary" onClick={() => location.reload()}>
                  Use it here
                </button>
              ) : closed === "not-yours" && !user ? (
                <Link className="btn btn-primary" href={`/signin?next=${encodeURIComponent(pathname + search)}`}>
                  Sign in
                </Link>
              ) : null}
              <Link
                className={closed === "elsewhere" || (closed === "not-yours" && !user) ? "btn" : "btn btn-primary"}
                href={`/c/${encodeURIComponent(username)}`}
              >
                Go to {username}’s channel
              </Link>
            </div>
          </Empty>
        </div>
      </main>
    </Shell>
  );
}

function Waiting() {
  return (
    <Shell tabs={false}>
      <main id="main" className="page" tabIndex={-1} aria-busy="true" />
    </Shell>
  );
}
