/** How long a connection without a relay may take, where there is a relay to try next. */
export const DIRECT_WITHIN = 4_000;

/**
 * Whether this page has found that it needs a relay. A browser opens a way to each relay it knows of for every
 * connection, so nobody names them who gets along without.
 */
export const relays = { needed: false };

/** The relays that an answer names by Link headers (RFC 9725 §4.6). */
export function relaysOf(link: string | null): RTCIceServer[] {
  const found: RTCIceServer[] = [];
  // Values are quoted, and none of a relay's holds a quote or an angle bracket.
  for (const [, urls = "", rest = ""] of (link ?? "").matchAll(/<([^>]*)>((?:[^,"]|"[^"]*")*)/g)) {
    const value = (name: string) => new RegExp(`;\\s*${name}="?([^";]*)"?`, "i").exec(rest)?.[1];
    if (value("rel") !== "ice-server" || !/^(stun|turn)s?:/.test(urls)) continue;
    const [username, credential] = [value("username"), value("credential")];
    found.push(username !== undefined && credential !== undefined ? { urls, username, credential } : { urls });
  }
  return found;
}
