import { timed, within } from "./wait";

/** What everything else needs of the way to the server: pages, sockets, and the video of channels. */

const PATIENCE = 6_000;
/** How long a playlist that is asked for its next part may be held back (RFC 8216bis, section 6.2.5.2), and some more. */
const HELD = 10_000;

/** Asks the server; gives how long that took in milliseconds, or nothing when no answer came. */
export async function askServer(signal: AbortSignal): Promise<number | undefined> {
  const begun = performance.now();
  try {
    const response = await fetch("/api/session", { cache: "no-store", signal: timed(signal, PATIENCE) });
    await response.arrayBuffer();
    return response.status < 500 ? performance.now() - begun : undefined;
  } catch {
    return undefined;
  }
}

/** Opens a WebSocket and closes it again; gives how long that took in milliseconds, or nothing when it did not open. */
export function openSocket(url: string, protocol: string | undefined, signal: AbortSignal): Promise<number | undefined> {
  return within<number | undefined>(PATIENCE, signal, undefined, (end) => {
    const begun = performance.now();
    let socket: WebSocket | undefined;
    try {
      socket = new WebSocket(url, protocol);
      socket.onopen = () => end(performance.now() - begun);
      socket.onclose = () => end(undefined);
    } catch {
      end(undefined); // an address or a protocol that is none
    }
    return () => {
      if (!socket) return;
      socket.onopen = socket.onclose = null;
      socket.close();
    };
  });
}

/** How the video of a channel came: `held` is how long the server kept a question for the next part open. */
export interface Video {
  state: "came" | "off" | "failed";
  held?: number;
}

/** Fetches a live channel's playlist, its next version when there is one (LL-HLS), and a part of the video. */
export async function fetchVideo(playlist: string, signal: AbortSignal): Promise<Video> {
  try {
    const main = await text(playlist, signal, PATIENCE);
    if (main === undefined) return { state: "off" };
    const variant = lines(main.body).find((line) => !line.startsWith("#"));
    if (!variant) return { state: "failed" };
    const inner = main.body.includes("#EXT-X-STREAM-INF")
      ? await text(new URL(variant, main.url).href, signal, PATIENCE)
      : main;
    if (inner === undefined) return { state: "off" };
    const next = nextOf(inner.body);
    let held: number | undefined;
    let latest = inner;
    if (next) {
      const url = new URL(inner.url);
      url.searchParams.set("_HLS_msn", String(next.segment));
      url.searchParams.set("_HLS_part", String(next.part));
      const begun = performance.now();
      const later = await text(url.href, signal, HELD);
      if (later === undefined) return { state: "off" };
      held = performance.now() - begun;
      latest = later;
    }
    const media = lastMedia(latest.body);
    if (!media) return { state: "failed" };
    const response = await fetch(new URL(media, latest.url), { cache: "no-store", signal: timed(signal, PATIENCE) });
    const size = (await response.arrayBuffer()).byteLength;
    if (!response.ok || size === 0) return { state: "failed" };
    return { state: "came", ...(held === undefined ? {} : { held }) };
  } catch {
    return { state: "failed" };
  }
}

/** A playlist and where it came from; nothing when the channel went off air meanwhile. */
async function text(url: string, signal: AbortSignal, ms: number): Promise<{ body: string; url: string } | undefined> {
  const response = await fetch(url, { cache: "no-store", signal: timed(signal, ms) });
  if (response.status === 404 || response.status === 410) return undefined;
  if (!response.ok) throw new Error(`status ${response.status}`);
  return { body: await response.text(), url: response.url || new URL(url, location.href).href };
}

const lines = (body: string) =>
  body
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

/** Which part of which segment comes next; nothing where a playlist cannot be asked for it. */
export function nextOf(body: string): { segment: number; part: number } | undefined {
  if (!/CAN-BLOCK-RELOAD=YES/.test(body) || body.includes("#EXT-X-ENDLIST")) return undefined;
  let segment = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(body)?.[1] ?? 0);
  let part = 0;
  for (const line of lines(body)) {
    if (line.startsWith("#EXT-X-PART:")) part++;
    else if (!line.startsWith("#")) {
      segment++;
      part = 0;
    }
  }
  return { segment, part };
}

/** The newest part, or segment where there are no parts. */
export function lastMedia(body: string): string | undefined {
  const named = lines(body).flatMap((line) => {
    if (line.startsWith("#EXT-X-PART:")) return /URI="([^"]+)"/.exec(line)?.[1] ?? [];
    return line.startsWith("#") ? [] : line;
  });
  return named.at(-1);
}
