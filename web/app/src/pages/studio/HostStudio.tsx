import { LogOut, UserPlus, UserX } from "lucide-react";
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ApiError } from "../../api/client";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Invitation, Studio } from "../../api/types";
import type { Chatter } from "../../chat/Chat";
import type { ChatRoom } from "../../chat/room";
import type { Devices, DevicesView } from "../../devices/devices";
import { useLiveFeed } from "../../live/feed";
import type { Layout } from "../../mix/layout";
import type { Source } from "../../mix/mixer";
import { go, useLeaving, useTitle } from "../../router/router";
import { Desk } from "../../stage/Desk";
import { withInvitation } from "../../stage/invitation";
import { PeoplePanel } from "../../stage/PeoplePanel";
import { type Person, arrange, onStage } from "../../stage/people";
import { onAir, readRealTime } from "../../stage/realtime";
import { useScreens } from "../../stage/Tiles";
import { useLines } from "../../stage/useLines";
import { useFloor, useLevels, useStage } from "../../stage/useStage";
import { useOutgoing } from "../../stage/useOutgoing";
import { CopyButton } from "../../ui/copy";
import { Notice } from "../../ui/notice";
import { AirNote, Destinations, StudioBar } from "./StudioBar";
import { Elsewhere } from "./Elsewhere";
import { InviteDialog } from "./InviteDialog";
import { LayoutRail } from "./LayoutRail";
import { Ask } from "./Ask";
import { useAir } from "./air";
import { type Kept, writeKept } from "./kept";

const Chat = lazy(() => import("../../chat/Chat"));

interface Props {
  studio: Studio;
  onStudio: (change: (now: Studio) => Studio) => void;
  devices: Devices;
  devicesView: DevicesView;
  kept: Kept | undefined;
  onLeave: (kept: Kept) => void;
}

type Question = { what: "end" } | { what: "leave" } | { what: "remove"; person: Person } | { what: "invite" };

export function HostStudio({ studio, onStudio, devices, devicesView, kept, onLeave }: Props) {
  const { username } = studio;
  const [session, view] = useStage(api.studioToken);
  const [outgoing, sharing] = useOutgoing(devicesView);
  useEffect(() => session.send(outgoing), [session, outgoing]);

  const people = useMemo(() => onStage(view.people), [view.people]);
  const levels = useLevels(people);
  const lines = useLines(session);
  const [screens, onScreen] = useScreens();
  const [layout, setLayout] = useState<Layout>(kept?.layout ?? "grid");
  const [plates, setPlates] = useState(kept?.plates ?? true);
  const featured = useFloor(levels, layout !== "grid");

  const on = useAir({
    whip: studio.whip,
    realTime: studio.realTime,
    destination: kept?.destination ?? "stage",
    wanted: kept?.wanted,
    onStage: view.sending === "on",
  });
  const live = onAir(on.air);
  const { data: channel, patch } = useResource(`channel/${username}`, (signal) => api.channel(username, signal));
  useTitle(live ? "On air · Studio" : "Studio");

  const { hear } = on;
  const refresh = useCallback(async () => {
    try {
      const now = await api.studio();
      onStudio(() => now);
      hear(now.realTime);
    } catch {
      // The next word from the feed brings it.
    }
  }, [hear, onStudio]);
  useLiveFeed(
    username,
    (card) => {
      if (card.username.toLowerCase() !== username.toLowerCase()) return;
      patch((now) => ({ ...now, ...card }));
      if (card.realTime !== undefined) hear({ isLive: card.realTime, since: card.realTimeSince ?? null });
    },
    () => void refresh(),
  );

  // The picture for the channel follows the stage.
  const { program } = on;
  useEffect(() => {
    const sources = arrange(people, layout, featured, screens).map((p): Source => ({
      id: p.id,
      name: p.name,
      stream: p.stream ?? new MediaStream(),
      muted: p.audioMuted,
      videoStopped: p.videoStopped || !p.hasVideo,
      kind: screens.has(p.id) ? "screen" : "camera",
      local: p.local,
    }));
    program?.show(sources, layout, plates);
  }, [program, people, layout, featured, screens, plates]);

  const settings = useCallback(
    (): Kept => ({
      username,
      at: Date.now(),
      wanted: on.air.wanted,
      destination: on.destination,
      layout,
      plates,
      muted: devicesView.microphone.off,
      cameraOff: devicesView.camera.off,
    }),
    [username, on.air.wanted, on.destination, layout, plates, devicesView.microphone.off, devicesView.camera.off],
  );
  useKeeping(settings, view.state.name !== "gone");

  const leaving = useLeaving(live);
  const [question, setQuestion] = useState<Question>();
  const [trouble, setTrouble] = useState("");
  const [room, setRoom] = useState<ChatRoom>();

  const invite = useCallback(
    async (who: Chatter): Promise<string> => {
      try {
        const invitation = await api.invite(who.userId, who.name);
        onStudio((now) => ({ ...now, invitations: withInvitation(now.invitations, invitation) }));
        return "";
      } catch (cause) {
        return cause instanceof ApiError ? cause.message : "The server could not do this. Try again.";
      }
    },
    [onStudio],
  );
  const inviteFromChat = async (who: Chatter, said: ChatRoom) => {
    const failed = await invite(who);
    said.note(failed ? `Not invited: ${who.name}. ${failed}` : `You invited ${who.name} to the stage`);
  };
  const withdraw = async (invitation: Invitation) => {
    setTrouble("");
    const be = (state: Invitation["state"]) =>
      onStudio((now) => ({
        ...now,
        invitations: now.invitations.map((i) => (i.id === invitation.id ? { ...i, state } : i)),
      }));
    be("withdrawn");
    try {
      await api.withdrawInvitation(invitation.id);
    } catch (cause) {
      be(invitation.state);
      setTrouble(`The invitation of ${invitation.name} still stands: ${words(cause)}`);
    }
  };
  const remove = async (person: Person) => {
    setTrouble("");
    try {
      await api.removeParticipant(person.id);
      onStudio((now) => ({
        ...now,
        invitations: now.invitations.map((i) => (i.participantId === person.id ? { ...i, state: "removed" } : i)),
      }));
    } catch (cause) {
      setTrouble(`${person.name} is still on the stage: ${words(cause)}`);
    }
  };

  if (view.state.name === "gone") return <Elsewhere why={view.state.why} onAgain={() => session.join()} />;

  const address = new URL(`/c/${encodeURIComponent(username)}`, location.origin);
  const starts = [
    on.air.realTime.isLive && on.air.realTime.since ? Date.parse(on.air.realTime.since) : Number.NaN,
    on.channel.since ?? Number.NaN,
  ].filter((t) => !Number.isNaN(t));
  const mayGoLive = view.sending === "on";
  const nothing = !outgoing.audio && !outgoing.video;
  return (
    <>
      <Desk
        session={session}
        view={view}
        people={people}
        levels={levels}
        lines={lines}
        layout={layout}
        featured={featured}
        namePlates={plates}
        screens={screens}
        onScreen={onScreen}
        devices={devices}
        devicesView={devicesView}
        sharing={sharing}
        channelHealth={studio.whip ? on.channel.health : undefined}
        actions={(person) =>
          person.local ? null : (
            <button
              type="button"
              className="cb"
              aria-label={`Remove ${person.name} from the stage`}
              title={`Remove ${person.name} from the stage`}
              onClick={() => setQuestion({ what: "remove", person })}
            >
              <UserX className="i" />
            </button>
          )
        }
        header={
          <StudioBar
            title={channel?.title ?? ""}
            detail={channel ? `${username} · ${channel.category.name}` : username}
            on={on}
            live={live}
            since={starts.length > 0 ? Math.min(...starts) : undefined}
            viewers={channel?.live ? channel.viewers : undefined}
            mayGoLive={mayGoLive}
            nothing={nothing}
            whip={studio.whip !== null}
            onEnd={() => setQuestion({ what: "end" })}
          />
        }
        note={
          <>
            <Destinations on={on} whip={studio.whip !== null} phone />
            <AirNote on={on} here={{ away: view.state.name === "back", nothing, coming: !mayGoLive }} />
          </>
        }
        left={<LayoutRail layout={layout} onLayout={setLayout} plates={plates} onPlates={setPlates} />}
        right={
          <>
            <PeoplePanel
              people={people}
              lines={lines}
              invitations={studio.invitations}
              onRemove={(person) => setQuestion({ what: "remove", person })}
              onWithdraw={(invitation) => void withdraw(invitation)}
              head={
                <button type="button" className="btn btn-sm" onClick={() => setQuestion({ what: "invite" })}>
                  <UserPlus className="i i-sm" />
                  Invite
                </button>
              }
              link={
                <div className="copy">
                  <code>{address.host + address.pathname}</code>
                  <CopyButton text={address.href} what="your channel’s link" />
                </div>
              }
            />
            <Suspense fallback={<div className="chat" aria-hidden="true" />}>
              <Chat
                channel={username}
                available
                account={username}
                onRoom={setRoom}
                onInvite={(who, said) => void inviteFromChat(who, said)}
                onEvent={({ name, attributes }) => {
                  const isLive = readRealTime(name, attributes, username);
                  if (isLive !== undefined && isLive !== on.air.realTime.isLive) void refresh();
                }}
              />
            </Suspense>
          </>
        }
        notices={
          <>
            {on.trouble ? (
              <Notice kind="warn" alert>
                <div className="st-trouble">
                  <p>{on.trouble}</p>
                  {on.again ? (
                    <button type="button" className="btn btn-sm" onClick={on.again}>
                      Go live again
                    </button>
                  ) : null}
                </div>
              </Notice>
            ) : null}
            {on.channel.state === "failed" && on.channel.mishap ? (
              <Notice kind="bad" alert>
                <div className="st-trouble">
                  <p>
                    <b className="b">Your channel gets no picture: {lower(on.channel.mishap.title)}.</b>{" "}
                    {on.channel.mishap.text}
                  </p>
                  <button type="button" className="btn btn-sm" onClick={() => void on.program?.broadcast.start()}>
                    Try again
                  </button>
                </div>
              </Notice>
            ) : null}
            {trouble ? (
              <Notice kind="warn" alert>
                {trouble}
              </Notice>
            ) : null}
          </>
        }
        tools={
          <button
            type="button"
            className="btn btn-lg leave"
            aria-label="Leave the stage"
            onClick={() => (live ? setQuestion({ what: "leave" }) : onLeave(settings()))}
          >
            <LogOut className="i" />
            <span className="not-phone">Leave</span>
          </button>
        }
      />
      {question?.what === "end" ? (
        <Ask title="End the broadcast?" yes="End broadcast" live onYes={on.end} onClose={() => setQuestion(undefined)}>
          Viewers will see that you are off air. You and your guests stay on the stage among yourselves.
        </Ask>
      ) : null}
      {question?.what === "leave" ? (
        <Ask
          title="Leave the stage?"
          yes="End and leave"
          live
          onYes={async () => {
            await on.end();
            onLeave(settings());
          }}
          onClose={() => setQuestion(undefined)}
        >
          You are on air. Leaving ends the broadcast for your viewers.
        </Ask>
      ) : null}
      {question?.what === "remove" ? (
        <Ask
          title={`Remove ${question.person.name}?`}
          yes="Remove"
          onYes={() => remove(question.person)}
          onClose={() => setQuestion(undefined)}
        >
          {question.person.name} leaves the stage at once and cannot come back with the same invitation. You can invite them
          anew at any time.
        </Ask>
      ) : null}
      {question?.what === "invite" ? (
        <InviteDialog
          room={room}
          address={address.href}
          away={new Set(people.map((p) => p.userId))}
          invitations={studio.invitations}
          onInvite={invite}
          onClose={() => setQuestion(undefined)}
        />
      ) : null}
      {leaving.to !== undefined ? (
        <Ask
          title="Leave the studio?"
          yes="End and leave"
          live
          onYes={async () => {
            await on.end();
            writeKept({ ...settings(), at: 0, wanted: undefined });
            const { to } = leaving;
            leaving.leave();
            if (to === undefined) go("/dashboard");
          }}
          onClose={leaving.stay}
        >
          You are on air. Leaving this page ends the broadcast for your viewers.
        </Ask>
      ) : null}
    </>
  );
}

/** A title within a sentence. */
const lower = (title: string): string => title.replace(/^(You|Another|This|The)\b/, (word) => word.toLowerCase());

const words = (cause: unknown): string =>
  cause instanceof ApiError ? cause.message : "The server could not do this. Try again.";

/** Writes down, now and every few seconds, what a reload must not lose. */
function useKeeping(settings: () => Kept, open: boolean): void {
  const latest = useRef(settings);
  useEffect(() => {
    latest.current = settings;
    if (open) writeKept(settings());
  }, [settings, open]);
  useEffect(() => {
    if (!open) return;
    const keep = () => writeKept(latest.current());
    const timer = setInterval(keep, 5000);
    addEventListener("pagehide", keep);
    return () => {
      clearInterval(timer);
      removeEventListener("pagehide", keep);
    };
  }, [open]);
}
