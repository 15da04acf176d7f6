import { Video, VideoOff } from "lucide-react";
import { DeviceButton, FlipButton } from "../../devices/DeviceButton";
import type { Devices, DevicesView } from "../../devices/devices";
import { Picture } from "../../stage/Picture";
import { SoundMeter } from "./SoundMeter";

interface Props {
  devices: Devices;
  view: DevicesView;
  begun: boolean;
  onHeard: () => void;
}

/** The mirror: how one looks, how loud one is, and with which devices. */
export function Look({ devices, view, begun, onHeard }: Props) {
  const { camera, microphone } = view;
  const shown = camera.track !== undefined && !camera.off;
  const sound = microphone.track && !microphone.off ? microphone.track : undefined;
  return (
    <section className="chk-look" aria-label="Your picture and your sound">
      <div className="chk-mirror">
        {shown ? (
          <Picture stream={view.stream} muted mirrored label="Your picture" />
        ) : (
          <p className="chk-why">
            {begun && (view.state === "asking" || camera.opening) ? (
              <>
                <span className="spin" aria-hidden="true" />
                Allow the camera and the microphone to go on
              </>
            ) : (
              <>
                {begun ? <VideoOff className="i" /> : <Video className="i" />}
                {!begun ? "Your picture will be here" : camera.off ? "Camera off" : "No picture"}
              </>
            )}
          </p>
        )}
      </div>
      <div className="chk-sound">
        <span className="small muted">
          {sound ? "Say something" : begun && view.state === "ready" ? "No sound" : "Your sound"}
        </span>
        <SoundMeter track={sound} onHeard={onHeard} />
      </div>
      {begun ? (
        <div className="devbar" role="toolbar" aria-label="Devices">
          <DeviceButton kind="microphone" devices={devices} view={view} />
          <DeviceButton kind="camera" devices={devices} view={view} />
          <FlipButton devices={devices} view={view} />
        </div>
      ) : null}
    </section>
  );
}
