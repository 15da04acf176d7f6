import { RotateCw } from "lucide-react";
import { Notice } from "../ui/notice";
import type { Devices, DevicesView } from "./devices";
import type { Trouble } from "./trouble";
import "./devices.css";

/** What is wrong with camera and microphone, each with what to do; and what changed by itself. */
export function DeviceTroubles({ devices, view }: { devices: Devices; view: DevicesView }) {
  const { camera, microphone } = view;
  const troubles = [camera.off ? undefined : camera.trouble, microphone.off ? undefined : microphone.trouble].filter(
    (t, i, all): t is Trouble => t !== undefined && all.findIndex((other) => other?.title === t.title) === i,
  );
  const working = camera.opening || microphone.opening;
  return (
    <div className="device-troubles" aria-live="polite">
      {troubles.map((trouble) => (
        <Notice key={trouble.title} kind="warn">
          <div className="device-trouble">
            <p>
              <b className="b">{trouble.title}.</b> {trouble.text}
            </p>
            {trouble.code === "insecure" ? null : (
              <button type="button" className="btn btn-sm" disabled={working} onClick={() => void devices.retry()}>
                <RotateCw className="i i-sm" />
                Try again
              </button>
            )}
          </div>
        </Notice>
      ))}
      {view.notice ? <Notice kind="info">{view.notice}</Notice> : null}
    </div>
  );
}
