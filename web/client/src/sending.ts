import { encodingsOf, oneEncoding, WORTH_DIVIDING } from "./simulcast.js";
import { SIMULCAST_UNSUPPORTED } from "./simulcasterrors.js";
import type { LocalStageStream } from "./streams.js";

type Kind = "audio" | "video";

/** The track that is to be sent: none for pictures that are muted, so that they cost the viewers nothing. */
function trackOf(stream: LocalStageStream | undefined): MediaStreamTrack | null {
  if (!stream || (stream.streamType === "video" && stream.isMuted)) return null;
  return stream.mediaStreamTrack;
}

/** How a stream is to be encoded; of several sizes the smallest first. */
export function encodingsFor({ sound, picture, mediaStreamTrack }: LocalStageStream): RTCRtpEncodingParameters[] {
  if (sound) return [{ maxBitrate: sound.maxBitrateKbps * 1000 }];
  if (!picture) return [{}];
  const track = mediaStreamTrack.getSettings();
  return picture.layers ? encodingsOf(picture.layers, picture, track) : [oneEncoding(picture, track)];
}

/** Adds the place of a stream to an offer, whether there is a stream or not yet. */
export function addPlace(pc: RTCPeerConnection, kind: Kind, stream: LocalStageStream | undefined): RTCRtpTransceiver {
  const encodings = stream ? encodingsFor(stream) : [{}];
  const add = (sendEncodings: RTCRtpEncodingParameters[]) =>
    pc.addTransceiver(trackOf(stream) ?? kind, { direction: "sendonly", sendEncodings });
  if (encodings.length === 1) return add(encodings);
  try {
    return add(encodings);
  } catch {
    return add([largest(encodings)]); // this browser sends one size
  }
}

/** The one encoding that is left of several. */
function largest(encodings: readonly RTCRtpEncodingParameters[]): RTCRtpEncodingParameters {
  const { rid: _, ...rest } = encodings.at(-1) ?? {};
  return rest;
}

/** Has a sender send a stream as the stream wants it, as far as the session's encodings allow. */
export async function feed(sender: RTCRtpSender, stream: LocalStageStream | undefined): Promise<void> {
  const track = trackOf(stream);
  if (stream) {
    const wanted = encodingsFor(stream);
    const parameters = sender.getParameters();
    const fewer = wanted.length > parameters.encodings.length; // the browser or the server takes no more
    if (match(parameters.encodings, fewer ? [largest(wanted)] : wanted)) await sender.setParameters(parameters);
    if (fewer || isNarrow(stream)) warn(stream);
  }
  if (sender.track !== track) await sender.replaceTrack(track);
}

/** Makes encodings what is wanted, the largest first; the others rest. Says whether that changed anything. */
function match(encodings: RTCRtpEncodingParameters[], wanted: RTCRtpEncodingParameters[]): boolean {
  let changed = false;
  encodings.forEach((encoding, i) => {
    const { rid: _, ...now } = { active: true, ...(wanted[wanted.length - encodings.length + i] ?? { active: false }) };
    const before: RTCRtpEncodingParameters = { active: true, ...encoding };
    const names = Object.keys(now) as (keyof typeof now)[];
    if (names.every((name) => before[name] === now[name])) return;
    Object.assign(encoding, now);
    changed = true;
  });
  return changed;
}

/** Whether a stream has too little bitrate for the sizes that it was to have. */
function isNarrow({ picture }: LocalStageStream): boolean {
  return picture?.layers?.length === 0 && picture.maxBitrateKbps < WORTH_DIVIDING;
}

const warned = new WeakSet<LocalStageStream>();

/** Tells once that a stream goes out in one size. */
function warn(stream: LocalStageStream): void {
  if (warned.has(stream)) return;
  warned.add(stream);
  console.warn(SIMULCAST_UNSUPPORTED);
}
