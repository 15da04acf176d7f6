import { Failure } from "./failure.js";

/** The server forwards without decoding: everybody speaks H.264 and Opus. */
const WANTED = { video: "video/h264", audio: "audio/opus" } as const;

type Direction = { getCapabilities(kind: string): RTCRtpCapabilities | null };

/**
 * Leaves only H.264 (and its retransmission format) or Opus in an offer: constrained baseline in
 * packetization mode 1 first, which every browser decodes (RFC 7742 §6.2).
 */
export function prefer(transceiver: RTCRtpTransceiver, kind: "audio" | "video", side: Direction): void {
  const known = side.getCapabilities(kind)?.codecs ?? [];
  const wanted = known.filter((codec) => codec.mimeType.toLowerCase() === WANTED[kind]);
  if (wanted.length === 0) {
    throw new Failure("CODEC_MISMATCH", `this browser has no ${kind === "video" ? "H.264" : "Opus"}`);
  }
  wanted.sort((a, b) => rank(a) - rank(b));
  const repair = known.filter((codec) => kind === "video" && codec.mimeType.toLowerCase() === "video/rtx");
  transceiver.setCodecPreferences([...wanted, ...repair]);
}

function rank(codec: RTCRtpCodec): number {
  const fmtp = codec.sdpFmtpLine ?? "";
  return (/packetization-mode=1/.test(fmtp) ? 0 : 2) + (/profile-level-id=42e0/i.test(fmtp) ? 0 : 1);
}

export interface OpusParameters {
  stereo?: boolean | undefined;
  /** bit/s */
  bitrate?: number | undefined;
}

/**
 * Writes Opus format parameters (RFC 7587 §6.1) into a description: in an offer they say what we like to
 * receive, in an answer to us what our encoder may send.
 */
export function withOpus(sdp: string, { stereo, bitrate }: OpusParameters): string {
  const type = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (type === undefined || (!stereo && bitrate === undefined)) return sdp;
  const own = new Map<string, string>();
  const line = new RegExp(`^a=fmtp:${type} ([^\\r\\n]*)`, "m");
  for (const pair of (line.exec(sdp)?.[1] ?? "").trim().split(/\s*;\s*/)) {
    const [name = "", value = ""] = pair.split("=", 2);
    if (name) own.set(name, value);
  }
  if (stereo) own.set("stereo", "1").set("sprop-stereo", "1");
  if (bitrate !== undefined) own.set("maxaveragebitrate", String(bitrate));
  const text = `a=fmtp:${type} ${[...own].map(([name, value]) => (value ? `${name}=${value}` : name)).join(";")}`;
  // In all sections alike: a payload type means the same in each of them (RFC 8843 §9.1).
  if (line.test(sdp)) return sdp.replace(new RegExp(line, "gm"), () => text);
  return sdp.replace(new RegExp(`^a=rtpmap:${type} [^\\r\\n]*`, "gm"), (map) => `${map}\r\n${text}`);
}

/**
 * Lets a Chromium-based encoder begin at a bitrate (kbit/s) instead of feeling its way up from 300, where its first
 * pictures would be small. Others do not know the parameter, and nobody minds one unknown.
 */
export function withStart(sdp: string, kbps: number): string {
  const types = [...sdp.matchAll(/^a=rtpmap:(\d+) H264\/90000/gim)].map(([, type]) => type);
  return types.reduce<string>(
    (text, type) => text.replace(new RegExp(`^(a=fmtp:${type} [^\\r\\n]*)`, "m"), `$1;x-google-start-bitrate=${kbps}`),
    sdp,
  );
}

/** Asks in an offer for lost sound to be sent again (RFC 4585 §4.2), as browsers do for pictures by themselves. */
export function withRepair(sdp: string): string {
  const type = /^a=rtpmap:(\d+) opus\/48000/im.exec(sdp)?.[1];
  if (type === undefined || new RegExp(`^a=rtcp-fb:${type} nack\\r?$`, "m").test(sdp)) return sdp;
  return sdp.replace(new RegExp(`^a=rtpmap:${type} [^\\r\\n]*`, "gm"), (map) => `${map}\r\na=rtcp-fb:${type} nack`);
}
