import { Failure } from "./failure.js";

/** What a participant token says of the way to its stage. */
export interface TokenPayload {
  /** The stage id. */
  topic: string;
  eventsUrl: string;
  whipUrl: string;
  participantId: string;
  userId: string;
  attributes: Record<string, string>;
  mayPublish: boolean;
  maySubscribe: boolean;
}

/**
 * Reads a participant token without verifying it: that is the server's to do. Throws a Failure with code
 * TOKEN_MALFORMED.
 */
export function readToken(token: string): TokenPayload {
  const malformed = (what: string) => new Failure("TOKEN_MALFORMED", `the participant token ${what}`);
  const parts = token.split(".");
  if (parts.length !== 3 || !parts[1] || !/^[\w.-]+$/.test(token)) throw malformed("is none: it must be a JWT");
  let claims: Record<string, unknown>;
  try {
    const bytes = Uint8Array.from(atob(parts[1].replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
    claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    throw malformed("cannot be read");
  }
  const text = (name: string): string => {
    const value = claims?.[name];
    if (typeof value !== "string" || value === "") throw malformed(`has no ${name}`);
    return value;
  };
  const address = (name: string, schemes: RegExp): string => {
    const value = text(name);
    try {
      if (schemes.test(new URL(value).protocol)) return value.replace(/\/+$/, "");
    } catch {
      // The same answer as for another kind of address.
    }
    throw malformed(`has no usable ${name}`);
  };
  const topic = text("topic");
  const eventsUrl = address("events_url", /^wss?:/i);
  const whipUrl = address("whip_url", /^https?:/i);
  const { allow_publish, allow_subscribe } = (claims["capabilities"] ?? {}) as Record<string, unknown>;
  return {
    topic,
    eventsUrl,
    whipUrl,
    participantId: text("jti"),
    userId: typeof claims["user_id"] === "string" ? claims["user_id"] : "",
    attributes: { ...((claims["attributes"] ?? {}) as Record<string, string>) },
    mayPublish: allow_publish === true,
    maySubscribe: allow_subscribe === true,
  };
}
