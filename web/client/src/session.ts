import { withRepair } from "./codecs.js";
import { Failure } from "./failure.js";
import { refusal, request } from "./http.js";
import type { Connection } from "./keeper.js";
import { DIRECT_WITHIN, relays, relaysOf } from "./relays.js";
import { canceled, within } from "./wait.js";

const ANSWER_WITHIN = 8_000;
const CONNECTED_WITHIN = 12_000;
/** How long a connection may be without a sign of life before it is given up: a short loss heals by itself. */
const DISCONNECTED_GRACE = 2_000;
const GOODBYE_WITHIN = 3_000;
const GATHERED_WITHIN = 2_000;

const NEVER = new AbortController().signal;

export interface SessionOptions {
  /** A WHIP endpoint, or one to subscribe at. */
  url: string;
  /** Bearer token. */
  token: string;
  /** Adds the transceivers of the offer. */
  prepare: (pc: RTCPeerConnection) => void;
  /** Changes the offer before it is used. */
  offer?: (sdp: string) => string;
  /** Changes the server's answer before it is used. */
  answer?: (sdp: string) => string;
}

/**
 * One session of WHIP (RFC 9725) or WHEP: a peer connection and its resource on the server. It is opened
 * once and closed once; whoever wants another opens another.
 */
export class Session implements Connection {
  readonly pc: RTCPeerConnection;
  /** Settles when the session broke or was closed, and says why. Never rejects. */
  readonly lost: Promise<Failure>;
  readonly #options: SessionOptions;
  /** Whether the relays that the answer names are used. */
  readonly #relayed = relays.needed;
  #others: RTCIceServer[] = [];
  #resource: string | undefined;
  #etag: string | undefined;
  #lose!: (why: Failure) => void;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * Negotiates and connects: without relays first, unless the page has found that it needs them. Rejects with a Failure;
   * nothing stays behind then.
   */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<Session> {
    if (signal.aborted) throw canceled();
    const session = new Session(options);
    try {
      // A request under way is not cut off: a session that it makes would be left behind.
      await within<void>(ANSWER_WITHIN + CONNECTED_WITHIN, signal, (done, fail) => {
        void session.#negotiate().then(done, fail);
      });
      await session.#connected(signal);
      session.#watch();
      return session;
    } catch (error) {
      const gone = session.close();
      if (signal.aborted || session.#relayed || session.#others.length === 0) throw Failure.of(error);
      relays.needed = true;
      await gone; // a door may take one session at a time
      return Session.open(options, signal);
    }
  }

  private constructor(options: SessionOptions) {
    this.#options = options;
    this.lost = new Promise((resolve) => (this.#lose = resolve));
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
  }

  /** What the server calls the session in its answer's origin line (RFC 8866 §5.2). */
  get origin(): string | undefined {
    return /^o=\S+ (\d+) /m.exec(this.pc.remoteDescription?.sdp ?? "")?.[1];
  }

  async #negotiate(): Promise<void> {
    const { pc } = this;
    const { url, token, prepare, offer, answer } = this.#options;
    prepare(pc);
    const made = await pc.createOffer();
    const sdp = withRepair(offer ? offer(made.sdp ?? "") : (made.sdp ?? ""));
    // The offer goes out at once, without candidates: the server answers whoever asks it (RFC 8445 §2.5). A browser
    // looks for ways when it is told of it, and must know the relays by then.
    if (!this.#relayed) await pc.setLocalDescription({ type: "offer", sdp });
    const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" };
    const body = pc.localDescription?.sdp ?? sdp ?? "";
    const reply = await request(url, { method: "POST", headers, body, cache: "no-store" }, ANSWER_WITHIN);
    if (reply.status !== 201) throw refusal(reply);
    const location = reply.headers.get("Location");
    if (location === null) throw new Failure("FAILED", "the server named no session");
    const resource = new URL(location, reply.url).href;
    if (this.#closed) {
      void farewell(resource, token);
      throw canceled();
    }
    this.#resource = resource;
    this.#etag = reply.headers.get("ETag") ?? undefined;
    this.#others = relaysOf(reply.headers.get("Link"));
    if (this.#relayed) {
      pc.setConfiguration({ bundlePolicy: "max-bundle", iceServers: this.#others });
      await pc.setLocalDescription({ type: "offer", sdp });
    }
    await pc.setRemoteDescription({ type: "answer", sdp: answer ? answer(reply.text) : reply.text });
    if (!/^a=ice-lite\s*$/m.test(reply.text)) void this.#trickle();
  }

  /** A server that is no ICE-lite one may have to reach out to us: it gets our candidates (RFC 9725 §4.3.2). */
  async #trickle(): Promise<void> {
    const { pc } = this;
    const gathered = within<void>(GATHERED_WITHIN, NEVER, (done) => {
      const look = () => pc.iceGatheringState === "complete" && done();
      pc.addEventListener("icegatheringstatechange", look);
      look();
      return () => pc.removeEventListener("icegatheringstatechange", look);
    });
    await gathered.catch(() => {}); // what there is will do
    const body = fragment(pc.localDescription?.sdp ?? "");
    if (this.#closed || this.#resource === undefined || body === undefined) return;
    const headers: Record<string, string> = {
      Authorization: `Bearer ${this.#options.token}`,
      "Content-Type": "application/trickle-ice-sdpfrag",
    };
    if (this.#etag !== undefined) headers["If-Match"] = this.#etag;
    await request(this.#resource, { method: "PATCH", headers, body }, ANSWER_WITHIN).catch(() => {}); // the connection tells
  }

  #connected(signal: AbortSignal): Promise<void> {
    const { pc } = this;
    const patience = this.#relayed || this.#others.length === 0 ? CONNECTED_WITHIN : DIRECT_WITHIN;
    return within(patience, signal, (done, fail) => {
      const look = () => {
        if (pc.connectionState === "connected") done();
        else if (pc.connectionState === "failed" || pc.connectionState === "closed") {
          fail(new Failure("LOST", "no media connection to the server", { passing: true }));
        }
      };
      pc.addEventListener("connectionstatechange", look);
      look();
      return () => pc.removeEventListener("connectionstatechange", look);
    });
  }

  #watch(): void {
    const { pc } = this;
    pc.addEventListener("connectionstatechange", this.#look);
    // A server that ends a session says so over DTLS, which is quicker than to miss its signs of life.
    for (const { sender, receiver } of pc.getTransceivers()) {
      const transport = sender.transport ?? receiver.transport;
      transport?.addEventListener("statechange", () => {
        if (transport.state === "closed" || transport.state === "failed") this.break("the server ended the session");
      });
    }
    this.#look();
  }

  readonly #look = (): void => {
    clearTimeout(this.#grace);
    const state = this.pc.connectionState;
    if (state === "failed" || state === "closed") this.break("the media connection was lost");
    if (state !== "disconnected") return;
    this.#grace = setTimeout(() => this.break("the media connection was lost"), DISCONNECTED_GRACE);
    void this.#ask();
  };

  /** Asks whether the server still knows the session: after a restart it does not, and there is nothing to wait for. */
  async #ask(): Promise<void> {
    if (this.#resource === undefined) return;
    const headers = { Authorization: `Bearer ${this.#options.token}` };
    try {
      const { status } = await request(this.#resource, { headers, cache: "no-store" }, ANSWER_WITHIN);
      if (status === 404 && this.pc.connectionState !== "connected") this.break("the server has forgotten the session");
    } catch {
      // No network: the grace decides.
    }
  }

  /** Gives the session up; `lost` says why. */
  break(why: string): void {
    clearTimeout(this.#grace);
    this.#lose(new Failure("LOST", why, { passing: true }));
  }

  /** The network is known to be good: a connection that is not is given up at once. */
  nudge(): void {
    if (this.pc.connectionState === "disconnected") this.break("the media connection was lost");
  }

  /** Tells the server goodbye while a page goes away; the connection stays as it is. */
  goodbye(): void {
    const resource = this.#resource;
    if (resource === undefined) return;
    this.#resource = undefined;
    void farewell(resource, this.#options.token);
    this.break("the page was left");
  }

  /** Ends the session here and there; resolves when the server has heard of it, or after 3 s. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#grace);
    this.pc.removeEventListener("connectionstatechange", this.#look);
    this.#lose(canceled());
    const resource = this.#resource;
    this.#resource = undefined;
    const said = resource === undefined ? undefined : farewell(resource, this.#options.token);
    this.pc.close();
    await said;
  }
}

async function farewell(resource: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  await request(resource, { method: "DELETE", headers, keepalive: true }, GOODBYE_WITHIN).catch(() => {});
}

/** The candidates of a description as a fragment (RFC 8840 §4.4), or undefined when there are none. */
function fragment(sdp: string): string | undefined {
  const lines = sdp.split(/\r?\n/);
  const first = lines.findIndex((line) => line.startsWith("m="));
  const rest = lines.slice(first + 1);
  const next = rest.findIndex((line) => line.startsWith("m="));
  const section = next < 0 ? rest : rest.slice(0, next);
  const candidates = section.filter((line) => line.startsWith("a=candidate:"));
  if (first < 0 || candidates.length === 0) return undefined;
  const one = (name: string) => [...lines.slice(0, first), ...section].filter((line) => line.startsWith(name)).slice(0, 1);
  return [
    ...one("a=ice-ufrag:"),
    ...one("a=ice-pwd:"),
    lines[first],
    ...one("a=mid:"),
    ...candidates,
    "a=end-of-candidates",
    "",
  ].join("\r\n");
}
