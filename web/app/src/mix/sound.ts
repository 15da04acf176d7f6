/** One voice in the mix. */
export interface Voice {
  id: string;
  track: MediaStreamTrack | undefined;
  muted: boolean;
  /** From this machine; others come over the network. */
  local: boolean;
}

interface Input {
  track: MediaStreamTrack;
  node: MediaStreamAudioSourceNode;
  gain: GainNode;
  pump: HTMLAudioElement | undefined;
}

/** Seconds in which a voice comes or goes; short enough to be at once, long enough not to click. */
const RAMP = 0.015;
/** More voices than a stage holds. */
const MOST = 32;

/** Mixes voices into one track, with a limiter behind so that several at once do not distort. Plays nothing here. */
export class SoundMix {
  // At the machine's own rate: Firefox takes microphones into no other.
  readonly #context = new AudioContext({ latencyHint: "interactive" });
  readonly #bus: DynamicsCompressorNode;
  readonly #out: MediaStreamAudioDestinationNode;
  readonly #silence: ConstantSourceNode;
  readonly #inputs = new Map<string, Input>();

  constructor() {
    const context = this.#context;
    this.#out = context.createMediaStreamDestination();
    this.#bus = new DynamicsCompressorNode(context, { threshold: -6, knee: 6, ratio: 20, attack: 0.003, release: 0.1 });
    this.#bus.connect(this.#out);
    // Silence is sound, too: the track never stalls when nobody speaks or nobody is there.
    this.#silence = new ConstantSourceNode(context, { offset: 0 });
    this.#silence.connect(this.#bus);
    this.#silence.start();
    // Browsers start it with the first gesture only, and iOS stops it for a telephone call.
    for (const event of ["pointerdown", "keydown", "focus"]) addEventListener(event, this.resume);
    document.addEventListener("visibilitychange", this.resume);
    this.resume();
  }

  get track(): MediaStreamTrack {
    return this.#out.stream.getAudioTracks()[0]!;
  }

  resume = (): void => {
    if (this.#context.state !== "running" && this.#context.state !== "closed")
      void this.#context.resume().catch(() => undefined);
  };

  /** Who is heard from now on. Voices that stay are not touched. */
  set(voices: readonly Voice[]): void {
    const wanted = new Map(voices.slice(0, MOST).map((voice) => [voice.id, voice]));
    for (const [id, input] of this.#inputs) {
      if (wanted.get(id)?.track === input.track) continue;
      this.#inputs.delete(id);
      this.#drop(input);
    }
    for (const [id, { track, muted, local }] of wanted) {
      if (!track || track.readyState === "ended") continue;
      let input = this.#inputs.get(id);
      if (!input) {
        input = this.#add(track, local);
        this.#inputs.set(id, input);
      }
      input.gain.gain.setTargetAtTime(muted ? 0 : 1, this.#context.currentTime, RAMP);
    }
  }

  close(): void {
    for (const event of ["pointerdown", "keydown", "focus"]) removeEventListener(event, this.resume);
    document.removeEventListener("visibilitychange", this.resume);
    for (const input of this.#inputs.values()) this.#disconnect(input);
    this.#inputs.clear();
    this.#silence.stop();
    this.track.stop();
    void this.#context.close().catch(() => undefined);
  }

  #add(track: MediaStreamTrack, local: boolean): Input {
    const stream = new MediaStream([track]);
    const node = this.#context.createMediaStreamSource(stream);
    const gain = this.#context.createGain();
    gain.gain.value = 0;
    node.connect(gain).connect(this.#bus);
    let pump: HTMLAudioElement | undefined;
    if (!local) {
      // Chromium decodes sound from the network only while an element plays it, if ever so silently.
      pump = new Audio();
      pump.muted = true;
      pump.srcObject = stream;
      void pump.play().catch(() => undefined);
    }
    return { track, node, gain, pump };
  }

  #drop(input: Input): void {
    input.gain.gain.setTargetAtTime(0, this.#context.currentTime, RAMP);
    setTimeout(() => this.#disconnect(input), RAMP * 8000);
  }

  #disconnect({ node, gain, pump }: Input): void {
    node.disconnect();
    gain.disconnect();
    if (pump) pump.srcObject = null;
  }
}
