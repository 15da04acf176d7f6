/** Which camera and which microphone: what the person chose once, found again among what is plugged in now. */

export type Kind = "camera" | "microphone";

export interface Device {
  id: string;
  /** Empty until the browser has leave to tell. */
  label: string;
}

const KEYS: Record<Kind, string> = { camera: "camera", microphone: "microphone" };
const inputs: Record<Kind, MediaDeviceKind> = { camera: "videoinput", microphone: "audioinput" };

/**
 * The device that was chosen: by its id, else by its label (browsers change ids when site data is cleared,
 * people move plugs from port to port), else nothing, which leaves it to the system.
 */
export function find(devices: readonly Device[], wish: Device | undefined): Device | undefined {
  if (!wish) return undefined;
  return devices.find((d) => d.id === wish.id) ?? (wish.label === "" ? undefined : devices.find((d) => d.label === wish.label));
}

export function readChoice(kind: Kind): Device | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(KEYS[kind]) ?? "null") as Partial<Device> | null;
    return typeof kept?.id === "string" && typeof kept.label === "string" ? { id: kept.id, label: kept.label } : undefined;
  } catch {
    return undefined;
  }
}

export function keepChoice(kind: Kind, device: Device): void {
  try {
    localStorage.setItem(KEYS[kind], JSON.stringify(device));
  } catch {
    // Chosen for this page alone, then.
  }
}

/** The real devices of a kind, named as people would. Chromium lists its default twice more under made-up ids. */
export function list(kind: Kind, all: readonly MediaDeviceInfo[]): Device[] {
  return all
    .filter((d) => d.kind === inputs[kind] && d.deviceId !== "" && d.deviceId !== "default" && d.deviceId !== "communications")
    .map((d) => ({ id: d.deviceId, label: plain(d.label) }));
}

/** The real device behind an open track: Chromium may say "default", which only the group tells apart. */
export function behind(kind: Kind, track: MediaStreamTrack, all: readonly MediaDeviceInfo[]): Device {
  const { deviceId = "", groupId } = track.getSettings();
  const devices = list(kind, all);
  const exact = devices.find((d) => d.id === deviceId);
  if (exact) return exact;
  const real = all.find(
    (d) => d.kind === inputs[kind] && d.groupId === groupId && devices.some((own) => own.id === d.deviceId),
  );
  if (real && groupId) return { id: real.deviceId, label: plain(real.label) };
  return { id: deviceId, label: plain(track.label) };
}

/** "Field mic (046d:0825)" is a Field mic. */
function plain(label: string): string {
  return label.replace(/\s*\([\da-f]{4}:[\da-f]{4}\)$/i, "").trim();
}
