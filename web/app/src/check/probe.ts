import { prefer, withStart } from "@streamcat/client/codecs";
import { relaysOf } from "@streamcat/client/relays";
import { timed, within } from "./wait";

/** A way for picture and sound: direct, or by the server's relay. */
export type Way = "udp" | "tcp" | "relay-udp" | "relay-tcp" | "relay-tls";

/** Where a stage takes media (WHIP), and the secret that opens it. */
export interface Door {
  url: string;
  token: string;
}

export interface Attempt {
  door: Door;
  way: Way;
  /** What is sent; nothing is when absent. */
  stream?: MediaStream | undefined;
  signal: AbortSignal;
}

/**
 * closed: no connection within the time · absent: the server has no such way · busy: it takes nobody else now ·
 * refused: the door stayed shut, or was not reached.
 */
export class ProbeError extends Error {
  readonly code: "closed" | "absent" | "busy" | "refused";
  readonly port: number | undefined;

  constructor(code: ProbeError["code"], port?: number) {
    super(code);
    this.name = "ProbeError";
    this.code = code;
    this.port = port;
  }
}

/** A connection that works. */
export interface Trial {
  /** How long it took to come up, in milliseconds. */
  took: number;
  /** The server's port for this way, where it is known. */
  port: number | undefined;
  stats: () => Promise<RTCStatsReport>;
  close: () => Promise<void>;
}

/** One connection in one way, and in no other, by the same door that a stage is entered through. */
export type Probe = (attempt: Attempt) => Promise<Trial>;

const PATIENCE: Readonly<Record<Way, number>> = {
  udp: 6_000,
  tcp: 8_000,
  "relay-udp": 8_000,
  "relay-tcp": 8_000,
  "relay-tls": 8_000,
};
const ANSWER_WITHIN = 8_000;
const MOST_VIDEO = 2_500_000;
const START_KBPS = 1500;

/** The relays that the server named last: browsers must know them before they look for ways, and it tells by answering. */
export class Prober {
  relays: RTCIceServer[] = [];

  readonly probe: Probe = async ({ door, way, stream, signal }) => {
    const relay = way.startsWith("relay-") ? this.relays.find((r) => wayOf(r) === way) : undefined;
    if (way.startsWith("relay-") && !relay) throw new ProbeError("absent");
    const pc = new RTCPeerConnection({
      bundlePolicy: "max-bundle",
      ...(relay ? { iceServers: [relay], iceTransportPolicy: "relay" } : {}),
    });
    let resource: string | undefined;
    const close = async () => {
      pc.close();
      if (resource) await farewell(resource, door.token);
    };
    try {
      for (const kind of ["audio", "video"] as const) add(pc, kind, stream);
      await pc.setLocalDescription(await pc.createOffer());
      const answer = await post(door, pc.localDescription!.sdp, signal);
      resource = answer.resource;
      if (answer.relays.length > 0) this.relays = answer.relays;
      const { sdp, port } = only(answer.sdp, way === "tcp" ? "tcp" : "udp");
      if (port === undefined) throw new ProbeError("absent");
      const begun = performance.now();
      await pc.setRemoteDescription({ type: "answer", sdp: stream ? withStart(sdp, START_KBPS) : sdp });
      if (!(await connected(pc, way, signal))) throw new ProbeError("closed", portOf(relay) ?? port);
      return { took: performance.now() - begun, port: portOf(relay) ?? port, stats: () => pc.getStats(), close };
    } catch (cause) {
      await close();
      throw cause instanceof ProbeError ? cause : new ProbeError("refused");
    }
  };
}

/** Which way a relay is. */
export function wayOf({ urls }: RTCIceServer): Way {
  const url = String(urls);
  if (url.startsWith("turns:")) return "relay-tls";
  return /[?&]transport=tcp/.test(url) ? "relay-tcp" : "relay-udp";
}

function portOf(relay: RTCIceServer | undefined): number | undefined {
  const port = relay && /:(\d+)(?:\?|$)/.exec(String(relay.urls))?.[1];
  return port ? Number(port) : undefined;
}

function add(pc: RTCPeerConnection, kind: "audio" | "video", stream: MediaStream | undefined): void {
  const track = stream?.getTracks().find((t) => t.kind === kind);
  const encodings = kind === "video" ? [{ maxBitrate: MOST_VIDEO }] : [];
  const transceiver = pc.addTransceiver(track ?? kind, { direction: "sendonly", sendEncodings: encodings });
  prefer(transceiver, kind, RTCRtpSender);
}

/** Leaves an answer the candidates of one transport, and tells the port of the first. */
export function only(sdp: string, transport: "udp" | "tcp"): { sdp: string; port: number | undefined } {
  let port: number | undefined;
  const kept = sdp.split("\r\n").filter((line) => {
    // foundation component transport priority address port … (RFC 8839, section 5.1)
    const [candidate, , protocol, , , number] = line.split(" ");
    if (!candidate!.startsWith("a=candidate:")) return true;
    if (protocol?.toLowerCase() !== transport) return false;
    port ??= Number(number);
    return true;
  });
  return { sdp: kept.join("\r\n"), port };
}

interface Answer {
  sdp: string;
  resource: string;
  relays: RTCIceServer[];
}

async function post(door: Door, offer: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(door.url, {
    method: "POST",
    headers: { Authorization: `Bearer ${door.token}`, "Content-Type": "application/sdp" },
    body: offer,
    cache: "no-store",
    signal: timed(signal, ANSWER_WITHIN),
  });
  const where = response.headers.get("Location");
  if (response.status === 503 || response.status === 429) throw new ProbeError("busy");
  if (response.status !== 201 || where === null) throw new ProbeError("refused");
  return {
    sdp: await response.text(),
    resource: new URL(where, response.url).href,
    relays: relaysOf(response.headers.get("Link")),
  };
}

const connected = (pc: RTCPeerConnection, way: Way, signal: AbortSignal): Promise<boolean> =>
  within(PATIENCE[way], signal, false, (end) => {
    const look = () => {
      if (pc.connectionState === "connected") end(true);
      else if (pc.connectionState === "failed" || pc.connectionState === "closed") end(false);
      // A browser that may not go this way, or has not found the relay, has nothing to try it with.
      else if (pc.iceGatheringState === "complete" && !begins(pc.localDescription?.sdp ?? "", way)) end(false);
    };
    pc.addEventListener("connectionstatechange", look);
    pc.addEventListener("icegatheringstatechange", look);
    look();
    return () => {
      pc.removeEventListener("connectionstatechange", look);
      pc.removeEventListener("icegatheringstatechange", look);
    };
  });

/** Whether a finished offer has a candidate from which a way could begin; ways by TCP begin without one. */
export function begins(sdp: string, way: Way): boolean {
  if (way === "tcp") return true;
  return (way === "udp" ? /^a=candidate:\S+ \d udp /im : / typ relay\b/).test(sdp);
}

/** The server's end of it; a server that does not hear this ends it by itself. */
async function farewell(resource: string, token: string): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const signal = timed(new AbortController().signal, 3_000);
  await fetch(resource, { method: "DELETE", headers, keepalive: true, signal }).catch(() => undefined);
}
