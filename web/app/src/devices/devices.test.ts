import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readChoice } from "./choice";
import { Devices } from "./devices";

interface Plugged {
  kind: "videoinput" | "audioinput";
  id: string;
  label: string;
  /** What opening it throws. */
  fault?: string;
  /** On a phone. */
  facing?: string;
}

class FakeTrack extends EventTarget {
  readyState = "live";
  enabled = true;
  onended: (() => void) | null = null;
  readonly kind: string;
  readonly label: string;
  readonly #device: Plugged;
  constructor(device: Plugged) {
    super();
    this.kind = device.kind === "videoinput" ? "video" : "audio";
    this.label = device.label;
    this.#device = device;
  }
  getSettings() {
    return { deviceId: this.#device.id, ...(this.#device.facing ? { facingMode: this.#device.facing } : {}) };
  }
  stop() {
    this.readyState = "ended";
  }
  /** As when the plug is pulled. */
  lose() {
    this.readyState = "ended";
    this.onended?.();
  }
}

class FakeStream {
  readonly #tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.#tracks = [...tracks];
  }
  getTracks = () => this.#tracks;
}

/** Cameras, microphones and a browser between them and us. */
class FakeMedia extends EventTarget {
  plugged: Plugged[] = [];
  states: Record<string, string> = { camera: "granted", microphone: "granted" };
  asked: MediaStreamConstraints[] = [];
  opened: FakeTrack[] = [];

  enumerateDevices = async () =>
    this.plugged.map((d) => ({ kind: d.kind, deviceId: d.id, label: d.label, groupId: "" }) as MediaDeviceInfo);

  getUserMedia = async (constraints: MediaStreamConstraints) => {
    this.asked.push(constraints);
    const wanted = [
      ["videoinput", "camera", constraints.video],
      ["audioinput", "microphone", constraints.audio],
    ] as const;
    const tracks: FakeTrack[] = [];
    for (const [kind, name, wish] of wanted) {
      if (!wish) continue;
      if (this.states[name] !== "granted") throw new DOMException("Permission denied", "NotAllowedError");
      const id = (wish as MediaTrackConstraints).deviceId as ConstrainDOMStringParameters | undefined;
      const all = this.plugged.filter((d) => d.kind === kind);
      const facing = (wish as MediaTrackConstraints).facingMode as ConstrainDOMStringParameters | undefined;
      const device =
        all.find((d) => d.id === (id?.exact ?? id?.ideal)) ??
        (id?.exact ? undefined : (all.find((d) => d.facing && d.facing === facing?.ideal) ?? all[0]));
      if (!device) throw new DOMException("Requested device not found", "NotFoundError");
      if (device.fault) throw new DOMException("Could not start", device.fault);
      tracks.push(new FakeTrack(device));
    }
    this.opened.push(...tracks);
    return new FakeStream(tracks);
  };

  plug(...devices: Plugged[]) {
    this.plugged = devices;
    this.dispatchEvent(new Event("devicechange"));
  }
}

const desk: Plugged = { kind: "videoinput", id: "desk", label: "Desk camera" };
const lid: Plugged = { kind: "videoinput", id: "lid", label: "Lid camera" };
const field: Plugged = { kind: "audioinput", id: "field", label: "Field mic" };

let media: FakeMedia;
let devices: Devices;

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  media = new FakeMedia();
  media.plugged = [lid, desk, field];
  vi.stubGlobal("MediaStream", FakeStream);
  vi.stubGlobal("navigator", {
    mediaDevices: media,
    permissions: { query: async ({ name }: { name: string }) => ({ state: media.states[name], onchange: null }) },
  });
  devices = new Devices({ releaseCamera: true });
});
afterEach(() => {
  devices.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const camera = () => devices.view().camera;
const microphone = () => devices.view().microphone;
const track = (of: { track: MediaStreamTrack | undefined }) => of.track as unknown as FakeTrack;
const settled = () => vi.advanceTimersByTimeAsync(1000);

it("asks for both with one question and says what is open", async () => {
  await devices.open();
  expect(media.asked).toHaveLength(1);
  expect(devices.view().state).toBe("ready");
  expect(camera().device).toEqual({ id: "lid", label: "Lid camera" });
  expect(microphone().device?.label).toBe("Field mic");
  expect(devices.view().stream.getTracks()).toHaveLength(2);
});

it("takes the chosen camera, remembers it, and lets the other one go", async () => {
  await devices.open();
  const before = track(camera());
  await devices.choose("camera", "desk");
  expect(camera().device?.label).toBe("Desk camera");
  expect(before.readyState).toBe("ended");
  expect(readChoice("camera")).toEqual({ id: "desk", label: "Desk camera" });

  devices.close();
  devices = new Devices();
  await devices.open();
  expect(camera().device?.id).toBe("desk");
});

it("finds the remembered one by its label when the id is another", async () => {
  localStorage.setItem("camera", '{"id":"long-ago","label":"Desk camera"}');
  await devices.open();
  expect(camera().device?.id).toBe("desk");
});

it("keeps the device and the choice through mute, and the microphone open", async () => {
  await devices.open();
  await devices.setOff("microphone", true);
  expect(track(microphone()).enabled).toBe(false);
  expect(track(microphone()).readyState).toBe("live");
  await devices.setOff("microphone", false);
  expect(track(microphone()).enabled).toBe(true);
});

it("gives the camera back while it is off, and opens the one chosen meanwhile", async () => {
  await devices.open();
  const before = track(camera());
  await devices.setOff("camera", true);
  expect(before.readyState).toBe("ended");
  expect(camera().track).toBeUndefined();
  await devices.choose("camera", "desk");
  expect(camera().track).toBeUndefined();
  await devices.setOff("camera", false);
  expect(camera().device?.id).toBe("desk");
  expect(track(camera()).readyState).toBe("live");
});

it("stays with the microphone when there is no camera, and takes one that is plugged in later", async () => {
  media.plugged = [field];
  await devices.open();
  expect(camera().trouble?.code).toBe("none");
  expect(microphone().track).toBeDefined();
  media.plug(field, desk);
  await settled();
  expect(camera().device?.id).toBe("desk");
  expect(camera().trouble).toBeUndefined();
});

it("says who is busy, and opens it when asked again", async () => {
  media.plugged = [{ ...lid, fault: "NotReadableError" }, field];
  await devices.open();
  expect(camera().trouble?.code).toBe("busy");
  expect(microphone().trouble).toBeUndefined();
  media.plugged = [lid, field];
  await devices.retry();
  expect(camera().track).toBeDefined();
  expect(camera().trouble).toBeUndefined();
});

it("asks once when refused, and for the other one when only one is", async () => {
  media.states = { camera: "denied", microphone: "denied" };
  await devices.open();
  expect(media.asked).toHaveLength(1);
  expect(camera().trouble).toEqual(microphone().trouble); // one notice for both
  expect(camera().trouble?.code).toBe("refused");

  media.states = { camera: "denied", microphone: "granted" };
  await devices.retry();
  expect(camera().trouble?.code).toBe("refused");
  expect(microphone().track).toBeDefined();
});

it("does not ask again at once when the question was waved away", async () => {
  media.states = { camera: "prompt", microphone: "prompt" };
  await devices.open();
  expect(media.asked).toHaveLength(1);
  expect(camera().trouble?.code).toBe("refused");
});

it("goes on with another camera when the plug is pulled, and comes back with it", async () => {
  localStorage.setItem("camera", '{"id":"desk","label":"Desk camera"}');
  await devices.open();
  media.plugged = [lid, field];
  track(camera()).lose();
  await settled();
  expect(camera().device?.id).toBe("lid");
  expect(devices.view().notice).toBe("Desk camera is gone. Using Lid camera now.");
  media.plug(lid, desk, field);
  await settled();
  expect(camera().device?.id).toBe("desk");
  expect(devices.view().notice).toBe("Desk camera is back.");
});

it("keeps the picture that works when the other camera does not start", async () => {
  await devices.open();
  media.plugged = [lid, { ...desk, fault: "AbortError" }, field];
  await devices.choose("camera", "desk");
  expect(camera().device?.id).toBe("lid");
  expect(track(camera()).readyState).toBe("live");
  expect(camera().trouble).toBeUndefined();
  expect(devices.view().notice).toMatch(/^Desk camera is in use\./);
});

it("turns a phone's camera round, one open at a time, and remembers the side", async () => {
  const front: Plugged = { kind: "videoinput", id: "front", label: "Front", facing: "user" };
  const back: Plugged = { kind: "videoinput", id: "back", label: "Back", facing: "environment" };
  media.plugged = [back, front, field];
  await devices.open();
  expect(camera().device?.id).toBe("front"); // people first
  expect(devices.view().canFlip).toBe(true);
  const before = track(camera());
  const ask = media.getUserMedia;
  media.getUserMedia = async (constraints) => {
    expect(before.readyState).toBe("ended");
    return ask(constraints);
  };
  await devices.flip();
  expect(camera().device?.id).toBe("back");
  expect(readChoice("camera")?.id).toBe("back");
  media.getUserMedia = ask;
  await devices.flip();
  expect(camera().device?.id).toBe("front");
});

it("has nothing to turn round at a desk", async () => {
  await devices.open();
  expect(devices.view().canFlip).toBe(false);
});

it("lets go of all when closed, and of what arrives too late", async () => {
  const opening = devices.open();
  await Promise.resolve();
  devices.close();
  await opening;
  await settled();
  expect(media.opened.every((t) => t.readyState === "ended")).toBe(true);
  await devices.open();
  devices.close();
  expect(media.opened.every((t) => t.readyState === "ended")).toBe(true);
  expect(devices.view().stream.getTracks()).toHaveLength(0);
  expect(devices.view().state).toBe("idle");
});

it("says how to come to a page that may ask, over plain HTTP", async () => {
  vi.stubGlobal("navigator", {});
  await devices.open();
  expect(camera().trouble?.code).toBe("insecure");
});
