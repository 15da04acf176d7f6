import { Activity, LogIn, VideoOff } from "lucide-react";
import type { ReactNode } from "react";
import { DeviceButton, FlipButton } from "../devices/DeviceButton";
import { DeviceTroubles } from "../devices/DeviceTroubles";
import type { Devices, DevicesView } from "../devices/devices";
import { Link } from "../router/router";
import { Avatar } from "../ui/marks";
import { avatarClass } from "../ui/person";
import { Picture } from "./Picture";
import "./stage.css";
import "./greenroom.css";

interface Props {
  title: string;
  /** What comes next, in a sentence. */
  children: ReactNode;
  name: string;
  role: string;
  devices: Devices;
  view: DevicesView;
  enter: string;
  entering?: boolean;
  onEnter: () => void;
  /** Where one can find out whether the line carries a stage. */
  check: string;
}

/** Before the stage: how one looks and sounds, seen by nobody else. */
export function GreenRoom({ title, children, name, role, devices, view, enter, entering = false, onEnter, check }: Props) {
  const { camera, microphone } = view;
  const shown = camera.track !== undefined && !camera.off;
  const nothing = view.state === "ready" && (camera.off || !camera.track) && (microphone.off || !microphone.track);
  return (
    <main id="main" className="page green" tabIndex={-1}>
      <section className="green-look" aria-label="You, as others will see you">
        <div className="stage">
          {shown ? <Picture stream={view.stream} muted mirrored label="Your picture" /> : null}
          {shown ? null : (
            <div className={`tile-off ${avatarClass(name)}`}>
              <Avatar name={name} size={72} />
              <span className="tile-why">
                {view.state === "asking" || camera.opening ? (
                  <>
                    <span className="spin" aria-hidden="true" />
                    {view.state === "asking" ? "Allow the camera and the microphone to go on" : "Starting the camera"}
                  </>
                ) : (
                  <>
                    <VideoOff className="i i-sm" />
                    {camera.off ? "Camera off" : "No picture"}
                  </>
                )}
              </span>
            </div>
          )}
          <div className="name">
            <span className="clip1">{name}</span>
            <span className="tile-role">{role}</span>
          </div>
        </div>
        <div className="devbar" role="toolbar" aria-label="Devices">
          <DeviceButton kind="microphone" devices={devices} view={view} />
          <DeviceButton kind="camera" devices={devices} view={view} />
          <FlipButton devices={devices} view={view} />
        </div>
      </section>
      <section className="green-go">
        <h1 className="t28">{title}</h1>
        <div className="green-words">{children}</div>
        <div className="green-you">
          <Avatar name={name} size={28} />
          <span>
            People see you as <b className="b">{name}</b>
          </span>
        </div>
        <DeviceTroubles devices={devices} view={view} />
        <button
          type="button"
          className="btn btn-primary btn-lg"
          disabled={view.state !== "ready" || entering}
          onClick={onEnter}
        >
          {entering ? <span className="spin" aria-hidden="true" /> : <LogIn className="i" />}
          {enter}
        </button>
        <p className="small muted" aria-live="polite">
          {nothing
            ? "Neither camera nor microphone is on: others will see your name and hear nothing."
            : "Nobody sees or hears you before that."}
        </p>
        <Link className="link green-check" href={check}>
          <Activity className="i i-sm" />
          Check your camera, microphone and line
        </Link>
      </section>
    </main>
  );
}
