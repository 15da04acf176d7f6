import { useEffect, useState } from "react";
import { api } from "../../api/endpoints";
import { useResource } from "../../api/resource";
import type { Studio } from "../../api/types";
import { useDevices } from "../../devices/useDevices";
import { go, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { Shell } from "../../shell/Shell";
import { GreenRoom } from "../../stage/GreenRoom";
import { checkPath } from "../../stage/invitation";
import { LoadFailed } from "../../ui/states";
import { HostStudio } from "./HostStudio";
import { type Kept, readKept, writeKept } from "./kept";

export default function StudioPage() {
  const { user } = useAccount();
  useTitle("Studio");
  useEffect(() => {
    if (user === null) go("/signin?next=%2Fstudio", { replace: true });
  }, [user]);
  if (!user) return <Waiting />;
  return <OwnStudio key={user.username} username={user.username} />;
}

function OwnStudio({ username }: { username: string }) {
  const { forget } = useAccount();
  const { data, error, patch, reload } = useResource(`studio/${username}`, api.studio);
  useEffect(() => {
    if (error?.status === 401) forget();
  }, [error, forget]);
  if (data) return <Rooms studio={data} onStudio={patch} />;
  if (!error) return <Waiting />;
  return (
    <Shell>
      <main id="main" className="page" tabIndex={-1}>
        <h1 className="sr">Studio</h1>
        <LoadFailed error={error} retry={reload} />
      </main>
    </Shell>
  );
}

interface RoomsProps {
  studio: Studio;
  onStudio: (change: (now: Studio) => Studio) => void;
}

/** The green room, then the stage; the devices stay open on the way. */
function Rooms({ studio, onStudio }: RoomsProps) {
  const [start] = useState(() => readKept(studio.username, Date.now()));
  const [onStage, setOnStage] = useState(start.onStage);
  const [settings, setSettings] = useState<Kept | undefined>(start.kept);
  const [devices, view] = useDevices();
  // Who was muted before the reload is muted after it, before anything is heard.
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (start.onStage && start.kept) {
      void devices.setOff("microphone", start.kept.muted);
      void devices.setOff("camera", start.kept.cameraOff);
    }
    setReady(true);
  }, [devices, start]);
  if (onStage && ready)
    return (
      <HostStudio
        studio={studio}
        onStudio={onStudio}
        devices={devices}
        devicesView={view}
        kept={settings}
        onLeave={(kept) => {
          const left = { ...kept, at: 0, wanted: undefined };
          writeKept(left);
          setSettings(left);
          setOnStage(false);
        }}
      />
    );
  return (
    <Shell tabs={false}>
      <GreenRoom
        title="Your studio"
        name={studio.username}
        role="Host"
        devices={devices}
        view={view}
        enter="Enter the stage"
        onEnter={() => setOnStage(true)}
        check={checkPath("/studio", studio.username)}
      >
        <p>
          {studio.realTime.isLive
            ? "You are on air already, from another tab or device. Enter the stage to go on from here; it ends there."
            : "See how you look and sound. Then go on stage, invite people from your chat, and go live when you are ready."}
        </p>
      </GreenRoom>
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
