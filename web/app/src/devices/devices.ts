import { type Device, type Kind, behind, find, keepChoice, list, readChoice } from "./choice";
import { type Trouble, codeOf, words } from "./trouble";

/** One of the two: what is open, what could be, and what is wrong. */
export interface Half {
  /** Open and giving pictures or sound. A muted microphone stays open; a camera that is off may not (see `releaseCamera`). */
  track: MediaStreamTrack | undefined;
  /** The open device, or the last that was. */
  device: Device | undefined;
  devices: readonly Device[];
  /** Muted, or the picture switched off, by the person. */
  off: boolean;
  trouble: Trouble | undefined;
  opening: boolean;
}

export interface DevicesView {
  /** asking: the browser shows its question, or the devices start. */
  state: "idle" | "asking" | "ready";
  camera: Half;
  microphone: Half;
  /** The open tracks. Another object whenever they change. */
  stream: MediaStream;
  /** A phone with a camera on either side. */
  canFlip: boolean;
  /** What happened by itself, such as a plug pulled; goes with the next change. */
  notice: string;
}

export interface DevicesOptions {
  /** Give the camera back while its picture is off, so that its light goes out. The track is gone then, and another later. */
  releaseCamera?: boolean;
  /** What the camera is asked for; 1280 × 720 at 30 unless told. */
  video?: MediaTrackConstraints;
}

const VIDEO: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const KINDS: readonly Kind[] = ["camera", "microphone"];
/** One plug makes several events. */
const SETTLE = 300;

const nothing = (): Half => ({
  track: undefined,
  device: undefined,
  devices: [],
  off: false,
  trouble: undefined,
  opening: false,
});

/**
 * The person's camera and microphone: asked for once, remembered, followed through plugging and unplugging and
 * through leave given and taken back, until closed. It may be opened again afterwards.
 */
export class Devices {
  readonly #options: DevicesOptions;
  readonly #told = new Set<() => void>();
  #view: DevicesView = {
    state: "idle",
    camera: nothing(),
    microphone: nothing(),
    stream: new MediaStream(),
    canFlip: false,
    notice: "",
  };
  /** Counts openings and closings: what was begun before the last one is thrown away when it arrives. */
  #life = 0;
  #turn: Promise<void> = Promise.resolve();
  #settle: ReturnType<typeof setTimeout> | undefined;
  #permissions: PermissionStatus[] = [];
  #known: readonly MediaDeviceInfo[] = [];

  constructor(options: DevicesOptions = {}) {
    this.#options = options;
  }

  subscribe = (told: () => void): (() => void) => {
    this.#told.add(told);
    return () => void this.#told.delete(told);
  };
  view = (): DevicesView => this.#view;

  /** Asks for both with one question. Trouble is in the view; nothing is thrown. */
  open(): Promise<void> {
    const life = ++this.#life;
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media?.getUserMedia) {
      const trouble = words("insecure", "both");
      this.#change({ state: "ready" });
      for (const kind of KINDS) this.#half(kind, { trouble });
      return Promise.resolve();
    }
    media.addEventListener("devicechange", this.#plugged);
    void this.#watchPermissions(life);
    this.#change({ state: "asking", notice: "" });
    return this.#queue(life, () => this.#ask(life, [...KINDS]));
  }

  /** After trouble: asks again for whatever is not open and not switched off. */
  retry(): Promise<void> {
    const life = this.#life;
    return this.#queue(life, () => this.#ask(life, this.#missing()));
  }

  /** Another device, remembered from now on. What was open stays until the other one is. */
  choose(kind: Kind, id: string): Promise<void> {
    const device = this.#view[kind].devices.find((d) => d.id === id);
    if (!device) return Promise.resolve();
    keepChoice(kind, device);
    const life = this.#life;
    return this.#queue(life, async () => {
      const half = this.#view[kind];
      if (half.track?.readyState === "live" && half.device?.id === id) return;
      if (kind === "camera" && half.off && this.#options.releaseCamera)
        this.#half(kind, { device }); // opens when it is on
      else await this.#swap(life, kind, { deviceId: { exact: id } }, device.label);
    });
  }

  /** The phone's other camera. */
  flip(): Promise<void> {
    const life = this.#life;
    return this.#queue(life, async () => {
      const { track } = this.#view.camera;
      if (!track) return;
      const other = track.getSettings().facingMode === "environment" ? "user" : "environment";
      await this.#swap(life, "camera", { facingMode: { ideal: other } }, "");
      const { device } = this.#view.camera;
      if (device && life === this.#life) keepChoice("camera", device);
    });
  }

  /** Mutes, or switches the picture off. The choice of device stays. */
  setOff(kind: Kind, off: boolean): Promise<void> {
    if (this.#view[kind].off === off) return Promise.resolve();
    this.#half(kind, { off });
    const { track } = this.#view[kind];
    if (track) track.enabled = !off;
    if (kind === "microphone" || !this.#options.releaseCamera) return Promise.resolve();
    const life = this.#life;
    return this.#queue(life, async () => {
      const now = this.#view.camera;
      if (now.off && now.track) this.#put("camera", undefined);
      else if (!now.off && !now.track) await this.#ask(life, ["camera"]);
    });
  }

  /** Lets go of everything; lights go out. */
  close(): void {
    this.#life++;
    this.#turn = Promise.resolve(); // a question still open on the screen must hold up nobody later
    clearTimeout(this.#settle);
    (navigator.mediaDevices as MediaDevices | undefined)?.removeEventListener("devicechange", this.#plugged);
    for (const permission of this.#permissions) permission.onchange = null;
    this.#permissions = [];
    for (const kind of KINDS) {
      if (this.#view[kind].track) this.#put(kind, undefined);
      this.#half(kind, { trouble: undefined, opening: false });
    }
    this.#change({ state: "idle", notice: "" });
  }

  #change(change: Partial<DevicesView>): void {
    this.#view = { ...this.#view, ...change };
    for (const told of this.#told) told();
  }

  #half(kind: Kind, change: Partial<Half>): void {
    this.#change({ [kind]: { ...this.#view[kind], ...change } });
  }

  /** One thing at a time, in the order asked for; nothing of an earlier life. */
  #queue(life: number, work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (life === this.#life ? work() : undefined));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #missing(): Kind[] {
    const { releaseCamera } = this.#options;
    return KINDS.filter((kind) => {
      const { track, off } = this.#view[kind];
      return track?.readyState !== "live" && !(kind === "camera" && off && releaseCamera);
    });
  }

  /** Opens these together, so that the browser asks once; each alone only to learn which of them fails. */
  async #ask(life: number, kinds: Kind[]): Promise<void> {
    if (kinds.length === 0) return;
    for (const kind of kinds) this.#half(kind, { opening: true });
    await this.#look(life);
    let shared: unknown;
    try {
      await this.#open(life, kinds);
    } catch (cause) {
      shared = cause;
    }
    if (life !== this.#life) return;
    if (shared !== undefined) {
      const code = codeOf(shared);
      const asked = code === "refused" ? await this.#allowed(kinds) : kinds;
      if (kinds.length === 1 || asked.length === 0) {
        this.#fail(kinds, code);
      } else {
        this.#fail(
          kinds.filter((kind) => !asked.includes(kind)),
          code,
        );
        for (const kind of asked) {
          try {
            await this.#open(life, [kind]);
          } catch (cause) {
            this.#fail([kind], codeOf(cause));
          }
        }
      }
    }
    await this.#look(life); // labels are told from the first leave on
    if (life !== this.#life) return;
    for (const kind of kinds) this.#half(kind, { opening: false });
    this.#change({ state: "ready" });
  }

  async #open(life: number, kinds: readonly Kind[]): Promise<void> {
    const constraints: MediaStreamConstraints = {};
    if (kinds.includes("camera")) constraints.video = { ...VIDEO, ...this.#options.video, ...this.#wish("camera") };
    if (kinds.includes("microphone")) constraints.audio = { ...AUDIO, ...this.#wish("microphone") };
    const stream = await navigator.mediaDevices.getUserMedia(constraints);
    this.#take(life, stream);
  }

  /** Not exact: a device that is gone must not keep the others from being used. */
  #wish(kind: Kind): MediaTrackConstraints {
    const wish = readChoice(kind);
    const id = (find(this.#view[kind].devices, wish) ?? wish)?.id;
    return id ? { deviceId: { ideal: id } } : kind === "camera" ? { facingMode: { ideal: "user" } } : {};
  }

  #take(life: number, stream: MediaStream): void {
    for (const track of stream.getTracks()) {
      if (life !== this.#life)
        track.stop(); // too late
      else this.#put(track.kind === "video" ? "camera" : "microphone", track);
    }
  }

  /** Another device in the place of the open one, which comes back if the other does not start. */
  async #swap(life: number, kind: Kind, which: MediaTrackConstraints, name: string): Promise<void> {
    const get = async (wish: MediaTrackConstraints) => this.#take(life, await this.#get(kind, wish));
    this.#half(kind, { opening: true });
    const { track: old, device } = this.#view[kind];
    // Phones have one camera at a time; elsewhere the old picture stays until the new one is there.
    if (kind === "camera" && old?.getSettings().facingMode) old.stop();
    try {
      try {
        await get(which);
      } catch (cause) {
        if (codeOf(cause) !== "busy" || old?.readyState !== "live") throw cause;
        old.stop(); // some drivers give only one at a time
        await get(which);
      }
    } catch (cause) {
      if (life !== this.#life) return;
      const trouble = words(codeOf(cause), kind, name);
      try {
        if (old?.readyState === "ended" && device) await get({ deviceId: { exact: device.id } });
      } catch {
        // Then there is none: said below.
      }
      if (life !== this.#life) return;
      if (this.#view[kind].track?.readyState === "live") this.#change({ notice: `${trouble.title}. ${trouble.text}` });
      else {
        this.#put(kind, undefined);
        this.#half(kind, { trouble });
      }
    }
    await this.#look(life);
    if (life === this.#life) this.#half(kind, { opening: false });
  }

  #get(kind: Kind, which: MediaTrackConstraints): Promise<MediaStream> {
    return navigator.mediaDevices.getUserMedia(
      kind === "camera" ? { video: { ...VIDEO, ...this.#options.video, ...which } } : { audio: { ...AUDIO, ...which } },
    );
  }

  #put(kind: Kind, track: MediaStreamTrack | undefined): void {
    const old = this.#view[kind].track;
    if (old) {
      old.onended = null;
      old.stop();
    }
    if (track) {
      track.enabled = !this.#view[kind].off;
      track.onended = this.#plugged; // pulled out, or leave taken back
    }
    const { camera, microphone } = this.#view;
    const tracks = { camera: camera.track, microphone: microphone.track, [kind]: track };
    this.#change({
      stream: new MediaStream([tracks.camera, tracks.microphone].filter((t) => t !== undefined)),
      ...(kind === "camera" && track
        ? { canFlip: track.getSettings().facingMode !== undefined && camera.devices.length > 1 }
        : {}),
      notice: "",
    });
    this.#half(kind, {
      track,
      ...(track ? { trouble: undefined, device: behind(kind, track, this.#known) } : {}),
    });
  }

  #fail(kinds: readonly Kind[], code: Trouble["code"]): void {
    const trouble = kinds.length === 2 ? words(code, "both") : undefined;
    for (const kind of kinds) {
      if (this.#view[kind].track) this.#put(kind, undefined);
      const name = find(this.#view[kind].devices, readChoice(kind))?.label;
      this.#half(kind, { trouble: trouble ?? words(code, kind, name) });
    }
  }

  /** Reads what is plugged in. */
  async #look(life: number): Promise<void> {
    let all: MediaDeviceInfo[];
    try {
      all = await navigator.mediaDevices.enumerateDevices();
    } catch {
      return;
    }
    if (life !== this.#life) return;
    this.#known = all;
    for (const kind of KINDS) {
      const { track } = this.#view[kind];
      this.#half(kind, { devices: list(kind, all), ...(track ? { device: behind(kind, track, all) } : {}) });
    }
    const { track, devices } = this.#view.camera;
    this.#change({ canFlip: track?.getSettings().facingMode !== undefined && devices.length > 1 });
  }

  #plugged = (): void => {
    clearTimeout(this.#settle);
    const life = this.#life;
    this.#settle = setTimeout(() => void this.#queue(life, () => this.#follow(life)), SETTLE);
  };

  /** Something was plugged in or pulled out: keep pictures and sound coming, from the chosen device if it is there. */
  async #follow(life: number): Promise<void> {
    const before = { camera: this.#view.camera.device, microphone: this.#view.microphone.device };
    await this.#look(life);
    const lost = this.#missing().filter((kind) => this.#view[kind].track ?? this.#hope(kind));
    await this.#ask(life, lost);
    for (const kind of KINDS) {
      if (life !== this.#life) return;
      const { track, device, devices } = this.#view[kind];
      const wish = find(devices, readChoice(kind));
      if (lost.includes(kind)) {
        const old = before[kind];
        if (track && old && device && old.id !== device.id)
          this.#change({ notice: `${old.label || `The ${kind}`} is gone. Using ${device.label || "another"} now.` });
      } else if (track && wish && device && wish.id !== device.id) {
        await this.#swap(life, kind, { deviceId: { exact: wish.id } }, wish.label);
        if (this.#view[kind].device?.id === wish.id) this.#change({ notice: `${wish.label} is back.` });
      }
    }
  }

  /** Whether asking again for a device that failed could succeed without bothering anybody. */
  #hope(kind: Kind): boolean {
    const { trouble, devices } = this.#view[kind];
    return trouble?.code === "none" && devices.length > 0;
  }

  /** Those which the browser has not been told to refuse. */
  async #allowed(kinds: readonly Kind[]): Promise<Kind[]> {
    const states = await Promise.all(kinds.map((kind) => permission(kind)));
    // All merely unanswered: the question was waved away, and asking at once again would be rude.
    return states.some((s) => s?.state === "denied") ? kinds.filter((_, i) => states[i]?.state !== "denied") : [];
  }

  async #watchPermissions(life: number): Promise<void> {
    for (const kind of KINDS) {
      const status = await permission(kind);
      if (!status) continue;
      if (life !== this.#life) return;
      this.#permissions.push(status);
      status.onchange = () => {
        if (status.state === "granted" && this.#view[kind].trouble) void this.retry();
      };
    }
  }
}

async function permission(kind: Kind): Promise<PermissionStatus | undefined> {
  try {
    return await navigator.permissions.query({ name: kind as PermissionName });
  } catch {
    return undefined; // Safari and older Firefox do not know these names
  }
}
