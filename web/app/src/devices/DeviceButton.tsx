import { ChevronUp, Mic, MicOff, SwitchCamera, TriangleAlert, Video, VideoOff } from "lucide-react";
import { Menu, MenuChoices } from "../ui/menu";
import { Level } from "./Level";
import type { Kind } from "./choice";
import type { Devices, DevicesView } from "./devices";
import "./devices.css";

interface Props {
  kind: Kind;
  devices: Devices;
  view: DevicesView;
}

const icons = { camera: [Video, VideoOff], microphone: [Mic, MicOff] } as const;
const verbs = {
  camera: ["Turn camera off", "Turn camera on"],
  microphone: ["Mute", "Unmute"],
} as const;

/** One press mutes or stops the picture; the arrow beside it offers the other devices. */
export function DeviceButton({ kind, devices, view }: Props) {
  const { off, track, device, devices: choices, trouble, opening } = view[kind];
  const name = device?.label || (kind === "camera" ? "Camera" : "Microphone");
  const Icon = icons[kind][off || trouble ? 1 : 0];
  const waiting = opening && !track && !off;
  const press = () => void (trouble && !off ? devices.retry() : devices.setOff(kind, !off));
  const label = trouble && !off ? `Try ${kind} again` : `${verbs[kind][off ? 1 : 0]}, ${name}`;
  const named = choices.filter((d) => d.label !== "");
  return (
    <span className="btn-group">
      <button
        type="button"
        className={off ? "btn btn-lg device is-off" : "btn btn-lg device"}
        aria-label={label}
        title={label}
        disabled={waiting}
        onClick={press}
      >
        {waiting ? <span className="spin" aria-hidden="true" /> : <Icon className="i" />}
        <span className="not-phone clip1">{name}</span>
        {trouble && !off ? <TriangleAlert className="i i-sm warn" /> : null}
        {kind === "microphone" && !trouble ? <Level track={off ? undefined : track} /> : null}
      </button>
      {named.length > 0 ? (
        <Menu
          label={kind === "camera" ? "Camera" : "Microphone"}
          side="top"
          trigger={
            <button type="button" className="btn btn-lg btn-icon device-more" aria-label={`Choose ${kind}`}>
              <ChevronUp className="i" />
            </button>
          }
        >
          <MenuChoices
            value={device?.id ?? ""}
            onChange={(id) => void devices.choose(kind, id)}
            choices={named.map((d) => ({ value: d.id, text: d.label, icon: <IconOf kind={kind} /> }))}
          />
        </Menu>
      ) : null}
    </span>
  );
}

function IconOf({ kind }: { kind: Kind }) {
  const Icon = icons[kind][0];
  return <Icon className="i" />;
}

/** The camera on the phone's other side; not there where there is none. */
export function FlipButton({ devices, view }: Omit<Props, "kind">) {
  if (!view.canFlip || view.camera.off) return null;
  return (
    <button
      type="button"
      className="btn btn-lg btn-icon device-flip"
      aria-label="Switch to the other camera"
      disabled={view.camera.opening}
      onClick={() => void devices.flip()}
    >
      <SwitchCamera className="i" />
    </button>
  );
}
