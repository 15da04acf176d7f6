// A browser for tests: peer connections, sockets and a server that do what the test says, when it says it.
import { vi } from "vitest";

type Listener = (event?: unknown) => void;

class Target {
  #listeners = new Map<string, Set<Listener>>();

  addEventListener(name: string, listener: Listener): void {
    if (!this.#listeners.has(name)) this.#listeners.set(name, new Set());
    this.#listeners.get(name)?.add(listener);
  }

  removeEventListener(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  fire(name: string): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener();
  }
}

let tracks = 0;

export class FakeTrack {
  readonly id = `track-${++tracks}`;
  enabled = true;
  readyState: "live" | "ended" = "live";
  readonly stop = vi.fn();
  readonly kind: "audio" | "video";
  readonly #settings: MediaTrackSettings;

  constructor(kind: "audio" | "video", settings: MediaTrackSettings = {}) {
    this.kind = kind;
    this.#settings = settings;
  }

  getSettings(): MediaTrackSettings {
    return this.#settings;
  }
}

export const track = (kind: "audio" | "video", settings?: MediaTrackSettings): MediaStreamTrack =>
  new FakeTrack(kind, settings) as unknown as MediaStreamTrack;

export const stream = (...own: MediaStreamTrack[]): MediaStream => ({ getTracks: () => own }) as unknown as MediaStream;

const H264 = "level-asymmetry-allowed=1;packetization-mode=";
const CODECS = {
  video: [
    { mimeType: "video/VP8", clockRate: 90000 },
    { mimeType: "video/rtx", clockRate: 90000 },
    { mimeType: "video/H264", clockRate: 90000, sdpFmtpLine: `${H264}0;profile-level-id=42e01f` },
    { mimeType: "video/H264", clockRate: 90000, sdpFmtpLine: `${H264}1;profile-level-id=4d001f` },
    { mimeType: "video/H264", clockRate: 90000, sdpFmtpLine: `${H264}1;profile-level-id=42e01f` },
  ],
  audio: [
    { mimeType: "audio/opus", clockRate: 48000, channels: 2 },
    { mimeType: "audio/red", clockRate: 48000, channels: 2 },
  ],
};

class FakeTransport extends Target {
  state = "connected";
}

export class FakeSender {
  track: MediaStreamTrack | null;
  readonly transport: FakeTransport;
  parameters: { encodings: RTCRtpEncodingParameters[] };
  readonly replaced: (MediaStreamTrack | null)[] = [];
  transform: unknown = null;
  static getCapabilities = (kind: "audio" | "video") => ({ codecs: CODECS[kind] });

  constructor(own: MediaStreamTrack | null, encodings: RTCRtpEncodingParameters[], transport: FakeTransport) {
    this.track = own;
    this.parameters = { encodings };
    this.transport = transport;
  }

  async replaceTrack(next: MediaStreamTrack | null): Promise<void> {
    this.replaced.push(next);
    this.track = next;
  }

  getParameters(): { encodings: RTCRtpEncodingParameters[] } {
    return structuredClone(this.parameters);
  }

  async setParameters(next: { encodings: RTCRtpEncodingParameters[] }): Promise<void> {
    this.parameters = next;
  }

  async getStats(): Promise<RTCStatsReport> {
    return new Map([["sent", { type: "outbound-rtp" }]]) as unknown as RTCStatsReport;
  }
}

export class FakeReceiver {
  readonly track: MediaStreamTrack;
  transform: unknown = null;
  static getCapabilities = (kind: "audio" | "video") => ({ codecs: CODECS[kind] });

  constructor(kind: "audio" | "video") {
    this.track = track(kind);
  }

  async getStats(): Promise<RTCStatsReport> {
    return new Map([["received", { type: "inbound-rtp" }]]) as unknown as RTCStatsReport;
  }
}

export class FakeTransceiver {
  currentDirection: string | null = null;
  preferences: RTCRtpCodec[] = [];
  mid: string | null = null;
  readonly kind: "audio" | "video";
  readonly direction: string;
  readonly sender: FakeSender;
  readonly receiver: FakeReceiver;

  constructor(what: MediaStreamTrack | "audio" | "video", init: RTCRtpTransceiverInit, transport: FakeTransport) {
    this.kind = typeof what === "string" ? what : (what.kind as "audio" | "video");
    this.direction = init.direction ?? "sendrecv";
    this.sender = new FakeSender(typeof what === "string" ? null : what, init.sendEncodings ?? [{}], transport);
    this.receiver = new FakeReceiver(this.kind);
  }

  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    this.preferences = codecs;
  }
}

export class FakePeer extends Target {
  static all: FakePeer[] = [];
  /** Whether connections come up by themselves: only with a relay, perhaps. */
  static connects: boolean | "relayed" = true;
  configuration: RTCConfiguration = {};
  connectionState = "new";
  iceGatheringState = "complete";
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  readonly transport = new FakeTransport();

  constructor() {
    super();
    FakePeer.all.push(this);
  }

  setConfiguration(next: RTCConfiguration): void {
    if (this.localDescription) throw new DOMException("too late for the candidates", "InvalidStateError");
    this.configuration = next;
  }

  addTransceiver(what: MediaStreamTrack | "audio" | "video", init: RTCRtpTransceiverInit = {}): FakeTransceiver {
    const transceiver = new FakeTransceiver(what, init, this.transport);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers(): FakeTransceiver[] {
    return this.transceivers;
  }

  async createOffer(): Promise<{ type: string; sdp: string }> {
    const sections = this.transceivers.map(({ kind, direction }, i) => {
      const format =
        kind === "audio" ? "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1" : "a=rtpmap:108 H264/90000";
      return `m=${kind} 9 UDP/TLS/RTP/SAVPF ${kind === "audio" ? 111 : 108}\r\na=ice-ufrag:abcd\r\na=ice-pwd:secret\r\na=mid:${i}\r\na=${direction}\r\n${format}\r\n`;
    });
    return { type: "offer", sdp: `v=0\r\n${sections.join("")}` };
  }

  async setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    if (this.connectionState === "closed") throw new DOMException("closed", "InvalidStateError");
    const candidate = "a=candidate:1 1 udp 2122260223 192.0.2.7 51000 typ host\r\n";
    this.localDescription = { ...description, sdp: description.sdp.replace(/(a=mid:0\r\n)/, `$1${candidate}`) };
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    this.remoteDescription = description;
    const directions = [...description.sdp.matchAll(/^a=(sendonly|recvonly|inactive)\r?$/gm)].map(([, word]) => word);
    this.transceivers.forEach((transceiver, i) => {
      transceiver.mid = String(i);
      transceiver.currentDirection = directions[i] === "inactive" ? "inactive" : transceiver.direction;
    });
    const relayed = (this.configuration.iceServers ?? []).length > 0;
    if (FakePeer.connects === true || (FakePeer.connects && relayed)) this.become("connected");
  }

  become(state: string): void {
    this.connectionState = state;
    this.fire("connectionstatechange");
  }

  async getStats(): Promise<RTCStatsReport> {
    return new Map([["all", { type: "transport" }]]) as unknown as RTCStatsReport;
  }

  close(): void {
    this.connectionState = "closed"; // closing by oneself tells no event
  }
}

export class FakeSocket {
  static all: FakeSocket[] = [];
  readonly url: string;
  readonly protocol: string;
  readonly sent: { type: string; payload?: unknown }[] = [];
  readyState = 0;
  closedWith: number | undefined;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(url: string, protocol = "") {
    this.url = url;
    this.protocol = protocol;
    FakeSocket.all.push(this);
  }

  send(data: string): void {
    this.sent.push(JSON.parse(data) as { type: string });
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 3;
  }

  /** Opens, if that did not happen yet, and says something. */
  say(type: string, payload?: object): void {
    this.readyState = 1;
    this.onmessage?.({ data: JSON.stringify({ type, payload }) });
  }

  /** The connection is gone, or never was. */
  drop(): void {
    this.readyState = 3;
    this.onclose?.();
  }
}

export interface Asked {
  method: string;
  url: string;
  headers: Headers;
  body: string;
  keepalive: boolean;
}

/** The server's HTTP side: answers every POST with a session until told otherwise. */
export class FakeServer {
  readonly asked: Asked[] = [];
  /** What the next requests get instead; `undefined` is a lost network. A promise is waited for. */
  readonly next: (Response | undefined | Promise<Response>)[] = [];
  /** What a POST gets when there is nothing special. */
  post: (url: string) => Response | undefined = (url) => this.created(url);
  get: () => Response | undefined = () => new Response("", { status: 200 });
  lite = true;
  direction = "recvonly";
  /** The Link header of answers with a session. */
  link: string | undefined;
  #sessions = 0;

  created(url: string): Response {
    const direction = url.includes("/subscribe") ? "sendonly" : "recvonly";
    const opus = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10\r\n";
    const sdp = `v=0\r\no=- ${this.#sessions + 1} 1 IN IP4 0.0.0.0\r\n${this.lite ? "a=ice-lite\r\n" : ""}m=audio 1\r\na=${direction}\r\n${opus}m=video 1\r\na=${direction}\r\n`;
    const headers = {
      Location: `/whip/sessions/${++this.#sessions}`,
      ETag: '"one"',
      ...(this.link ? { Link: this.link } : {}),
    };
    return new Response(sdp, { status: 201, headers });
  }

  readonly fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const method = init.method ?? "GET";
    const keepalive = init.keepalive ?? false;
    this.asked.push({ method, url, headers: new Headers(init.headers), body: String(init.body ?? ""), keepalive });
    let answer: Response | undefined;
    if (method === "POST") answer = this.next.length > 0 ? await this.next.shift() : this.post(url);
    else if (method === "GET") answer = this.get();
    else answer = new Response("", { status: 200 });
    if (!answer) throw new TypeError("Failed to fetch");
    const signal = init.signal as AbortSignal;
    if (signal.aborted) throw new DOMException("aborted", "AbortError");
    return answer;
  };

  of(method: string): Asked[] {
    return this.asked.filter((one) => one.method === method);
  }
}

export const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ type: "about:blank", title: "no", status, detail: `because of ${code}`, code }), {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
  });

/** What the window hears. */
export let page: Target;

/** Puts the fakes in the place of the browser's things, and stops the clock. */
export function browser(): FakeServer {
  const server = new FakeServer();
  page = new Target();
  FakePeer.all = [];
  FakePeer.connects = true;
  FakeSocket.all = [];
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", FakePeer);
  vi.stubGlobal("RTCRtpSender", FakeSender);
  vi.stubGlobal("RTCRtpReceiver", FakeReceiver);
  vi.stubGlobal("RTCRtpTransceiver", FakeTransceiver);
  vi.stubGlobal("WebSocket", FakeSocket);
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
  vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  vi.stubGlobal("reportError", vi.fn());
  return server;
}

/** Lets everything happen that needs no time, or some. */
export const settle = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

export const last = <T>(list: readonly T[]): T => {
  const one = list.at(-1);
  if (one === undefined) throw new Error("there is none");
  return one;
};
