import { Pencil } from "lucide-react";
import { Suspense, lazy, useState } from "react";
import type { Dashboard, WhipDoor } from "../../api/types";
import { HealthStrip } from "../../broadcast/HealthStrip";
import { onAir } from "../../broadcast/broadcast";
import { advice } from "../../broadcast/health";
import { DeviceButton, FlipButton } from "../../devices/DeviceButton";
import { DeviceTroubles } from "../../devices/DeviceTroubles";
import { useDevices } from "../../devices/useDevices";
import { useLeaving, useTitle } from "../../router/router";
import { useAccount } from "../../session/session";
import { ThemeButton } from "../../shell/Bar";
import { clock } from "../../ui/format";
import { Notice } from "../../ui/notice";
import { EditDialog, EndDialog } from "./Dialogs";
import { Home } from "./Home";
import { Monitor } from "./Monitor";
import { OnAirButton, OnAirNumbers } from "./OnAir";
import { ScreenButton } from "./ScreenButton";
import { Standing } from "./Standing";
import { useBroadcast } from "./useBroadcast";
import { PICTURE, useMixer } from "./useMixer";
import { useScreen } from "./useScreen";

const Chat = lazy(() => import("../../chat/Chat"));

interface Props {
  data: Dashboard;
  whip: WhipDoor;
  patch: (change: (now: Dashboard) => Dashboard) => void;
}

/** Where the streamer sits: the picture that goes out, the devices below it, the chat beside it. */
export function Desk({ data, whip, patch }: Props) {
  const { forget } = useAccount();
  const [devices, view] = useDevices({ releaseCamera: true });
  const screen = useScreen();
  const mixer = useMixer(data.username, view, screen.share);
  const [broadcast, air] = useBroadcast(whip.endpoint, mixer?.stream, forget);
  const leaving = useLeaving(onAir(air));
  const [dialog, setDialog] = useState<"edit" | "end">();
  useTitle(air.since === undefined ? "Go live" : `LIVE · ${data.title}`);

  const something = Boolean(view.camera.track || view.microphone.track || screen.share);
  const start = () => {
    mixer?.resume(); // inside the press: browsers let sound begin with one
    void broadcast.start();
  };
  const end = () => void broadcast.stop();
  const hint = air.state === "live" ? advice(air.health, PICTURE.frameRate) : "";
  return (
    <>
      <header className="bar gl-bar">
        <Home />
        <div className="grow">
          <h1 className="gl-title clip1">{data.title}</h1>
          <div className="small muted clip1 not-phone">
            {data.category.name} ·{" "}
            <button type="button" className="link" onClick={() => setDialog("edit")}>
              Edit<span className="sr"> title and category</span>
            </button>
          </div>
        </div>
        <span className="only-phone">
          <button
            type="button"
            className="btn btn-ghost btn-icon"
            aria-label="Edit title and category"
            onClick={() => setDialog("edit")}
          >
            <Pencil className="i" />
          </button>
        </span>
        <OnAirNumbers air={air} viewers={data.viewers} live={data.live} />
        <span className="not-phone">
          <ThemeButton />
        </span>
        <OnAirButton
          state={air.state}
          ready={something && mixer !== undefined}
          onStart={start}
          onEnd={() => setDialog("end")}
          onCancel={end}
        />
      </header>
      <div className="gl">
        <main id="main" className="gl-mid" tabIndex={-1}>
          <Standing air={air} data={data} asking={view.state === "asking"} something={something} muted={view.microphone.off} />
          <div className="gl-stage">
            <Monitor
              mixer={mixer}
              label={pictureWords(screen.share?.what, !view.camera.off && view.camera.track !== undefined)}
            />
            {view.state === "asking" && !something ? (
              <div className="gl-ask">
                <b className="b">Allow camera and microphone</b>
                <span className="t13">Your browser asks at the top of this page. Nobody sees you before you go live.</span>
              </div>
            ) : null}
          </div>
          <HealthStrip health={air.health} />
          <div className="gl-notices">
            {air.state === "failed" && air.mishap ? (
              <Notice kind="bad" alert>
                <b className="b">{air.mishap.title}.</b> {air.mishap.text}
              </Notice>
            ) : null}
            <DeviceTroubles devices={devices} view={view} />
            {screen.trouble ? <Notice kind="warn">{screen.trouble}</Notice> : null}
            {hint ? <Notice kind="warn">{hint}</Notice> : null}
          </div>
          <div className="gl-devices" role="toolbar" aria-label="Devices">
            <DeviceButton kind="microphone" devices={devices} view={view} />
            <DeviceButton kind="camera" devices={devices} view={view} />
            <FlipButton devices={devices} view={view} />
            <ScreenButton screen={screen} />
          </div>
        </main>
        <div className="gl-right">
          <Suspense fallback={<div className="chat" aria-hidden="true" />}>
            <Chat channel={data.username} available account={data.username} />
          </Suspense>
        </div>
      </div>
      {dialog === "edit" ? (
        <EditDialog data={data} onClose={() => setDialog(undefined)} onSaved={(saved) => patch(() => saved)} />
      ) : null}
      {dialog === "end" && onAir(air) ? (
        <EndDialog
          title="End the broadcast?"
          words={endWords(air.since, data.viewers)}
          stay="Keep going"
          go="End broadcast"
          onStay={() => setDialog(undefined)}
          onGo={() => {
            setDialog(undefined);
            end();
          }}
        />
      ) : null}
      {leaving.to === undefined ? null : (
        <EndDialog
          title="Leave and end the broadcast?"
          words={`Your picture comes from this page. ${endWords(air.since, data.viewers)}`}
          stay="Stay here"
          go="End and leave"
          onStay={leaving.stay}
          onGo={leaving.leave}
        />
      )}
    </>
  );
}

function pictureWords(screen: string | undefined, camera: boolean): string {
  if (screen)
    return camera ? `What viewers see: your ${screen}, and your camera in a corner` : `What viewers see: your ${screen}`;
  return camera ? "What viewers see: your camera" : "What viewers see: your initials, the camera is off";
}

function endWords(since: number | undefined, viewers: number): string {
  if (since === undefined) return "You are not on air yet.";
  const watching = viewers === 0 ? "" : viewers === 1 ? " One person is watching." : ` ${viewers} people are watching.`;
  return `You have been on air for ${clock(Date.now() - since)}.${watching}`;
}
