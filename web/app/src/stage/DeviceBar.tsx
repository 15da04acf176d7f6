import { MonitorUp, MonitorX } from "lucide-react";
import type { ReactNode } from "react";
import { DeviceButton, FlipButton } from "../devices/DeviceButton";
import type { Devices, DevicesView } from "../devices/devices";
import type { Sharing } from "./useOutgoing";

interface Props {
  devices: Devices;
  view: DevicesView;
  sharing: Sharing;
  children?: ReactNode;
}

/** One's own microphone, camera and screen; it never moves. */
export function DeviceBar({ devices, view, sharing, children }: Props) {
  const shared = sharing.share !== undefined;
  return (
    <div className="devbar" role="toolbar" aria-label="Devices">
      <DeviceButton kind="microphone" devices={devices} view={view} />
      <DeviceButton kind="camera" devices={devices} view={view} />
      <FlipButton devices={devices} view={view} />
      {sharing.possible ? (
        <button
          type="button"
          className="btn btn-lg share"
          aria-pressed={shared}
          aria-label={shared ? "Stop sharing" : "Share screen"}
          disabled={sharing.asking}
          onClick={shared ? sharing.stop : () => void sharing.start()}
        >
          {shared ? <MonitorX className="i" /> : <MonitorUp className="i" />}
          <span className="not-phone">{shared ? "Stop sharing" : "Share screen"}</span>
        </button>
      ) : null}
      <span className="grow" />
      {children}
    </div>
  );
}
