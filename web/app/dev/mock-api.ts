import type { IncomingMessage, ServerResponse } from "node:http";
import type { ChannelCard } from "../src/api/types";
import { usernameError } from "../src/pages/account/rules.ts";
import { streamHealth } from "./mock-health.ts";
import { studio, watchSeat, joinSeat } from "./mock-studio.ts";
import { keepOrder, roleIn, rules } from "./mock-order.ts";
import { categories, change, channels, users } from "./mock-state.ts";

export interface Call {
  url: URL;
  body: Record<string, unknown>;
  me: string | undefined;
  host: string;
  cookies: Record<string, string>;
}

export type Answer = { status: number; body?: unknown; headers?: Record<string, string> };

export const ok = (body: unknown, headers?: Record<string, string>): Answer => ({
  status: 200,
  body,
  ...(headers ? { headers } : {}),
});
export const no = (status: number, message: string, fields?: Record<string, string>, code?: string): Answer => ({
  status,
  body: { error: { message, ...(fields ? { fields } : {}), ...(code ? { code } : {}) } },
});
const session = (name: string) => ({ "set-cookie": `mock=${name}; Path=/; HttpOnly; SameSite=Lax` });

export async function handleApi(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  let raw = "";
  for await (const chunk of request) raw += String(chunk);
  const cookies = Object.fromEntries((request.headers.cookie ?? "").split(/;\s*/).map((c) => c.split("=") as [string, string]));
  const call: Call = {
    url,
    body: raw ? (JSON.parse(raw) as Record<string, unknown>) : {},
    me: users.has(cookies["mock"] ?? "") ? cookies["mock"] : undefined,
    host: request.headers.host ?? "localhost",
    cookies,
  };
  if (cookies["mock-health"] === "slow" && url.pathname.endsWith("/health")) return; // never
  const answer = route(`${request.method} ${url.pathname}`, call);
  const write = () => {
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  };
  setTimeout(write, url.pathname === "/api/register" ? 900 : 60);
}

function route(what: string, call: Call): Answer {
  const { body, me } = call;
  switch (what) {
    case "GET /api/session":
      return ok({ user: me ? users.get(me)!.user : null, ready: true });
    case "POST /api/register":
      return register(String(body["username"]), String(body["password"]));
    case "POST /api/signin": {
      const known = users.get(String(body["username"]).toLowerCase());
      if (!known || known.password !== body["password"]) return no(401, "wrong username or password");
      return ok({ user: known.user }, session(known.user.username.toLowerCase()));
    }
    case "POST /api/signout":
      return { status: 204, headers: { "set-cookie": "mock=; Path=/; Max-Age=0" } };
    case "GET /api/categories":
      return ok({ categories });
    case "POST /api/check":
      return trialSeat(call);
    case "GET /api/channels":
      return listing(call.cookies["mock-empty"] === "1");
  }
  const seat = /^POST \/api\/channels\/([^/]+)\/(stage-token|join)$/.exec(what);
  if (seat) return (seat[2] === "join" ? joinSeat : watchSeat)(decodeURIComponent(seat[1]!), call);
  if (what.includes(" /api/studio")) return me ? studio(what, me, call) : no(401, "please sign in");
  const order = /^(\w+) \/api\/channels\/([^/]+)\/chat(-rules$|\/.*|$)/.exec(what);
  if (order) {
    const name = decodeURIComponent(order[2]!).toLowerCase();
    if (call.cookies["mock-order"] === "absent") return no(404, "nothing here");
    return order[3] === "-rules" ? rules(order[1]!, name, call) : keepOrder(order[1]!, name, order[3]!, call);
  }
  const channel = /^(GET|POST) \/api\/channels\/([^/]+)(\/chat-token)?$/.exec(what);
  if (channel) return oneChannel(decodeURIComponent(channel[2]!), channel[3] !== undefined, call);
  if (what.includes(" /api/dashboard")) return me ? dashboard(what, me, call) : no(401, "please sign in");
  return no(404, "nothing here");
}

function register(username: string, password: string): Answer {
  const wrong = usernameError(username);
  if (wrong || password.length < 8)
    return no(400, "please check the marked fields", wrong ? { username: wrong } : { password: "Too short." });
  const key = username.toLowerCase();
  if (users.has(key) || channels.has(key)) return no(409, "this username is taken", { username: "This username is taken." });
  const user = { username, createdAt: new Date().toISOString() };
  users.set(key, { user, password, key: `sk_us-east-1_${key}x81nVbZs0aLk49fQ2` });
  channels.set(key, {
    username,
    title: `${username}’s channel`,
    category: categories[1]!,
    live: false,
    startedAt: null,
    viewers: 0,
    realTime: false,
    realTimeSince: null,
  });
  return { status: 201, body: { user }, headers: session(key) };
}

function listing(empty: boolean): Answer {
  const all = empty ? [] : [...channels.values()];
  return ok({
    live: all.filter((c) => c.live).sort((a, b) => b.viewers - a.viewers),
    recent: all.filter((c) => !c.live),
  });
}

/** A token that says where the stage is, as a real one does; nobody looks at its signature. */
function trialSeat({ host, cookies }: Call): Answer {
  if (cookies["mock-check"] === "busy")
    return no(429, "many people check their connection right now; please try again in a minute");
  const claims = {
    topic: "check",
    jti: "p-check",
    events_url: `ws://${host}/mock-events`,
    whip_url: `http://${host}/whip`,
    capabilities: { allow_publish: true },
  };
  return ok({ token: `mock.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.mock`, seconds: 120 });
}

const playback = (c: ChannelCard) => `/mock-hls/live.m3u8?channel=${c.username}`;

function oneChannel(name: string, token: boolean, { me, host, cookies }: Call): Answer {
  const card = channels.get(name.toLowerCase());
  if (!card) return no(404, "there is no channel of that name");
  if (!token) {
    return ok({
      ...card,
      interrupted: card.live && cookies["mock-interrupted"] === "1",
      playbackUrl: playback(card),
      channelArn: `arn:aws:ivs:us-east-1:000000000000:channel/${card.username}`,
      room: { available: true },
      createdAt: "2025-03-04T10:00:00Z",
      lastLiveAt: card.live ? null : new Date(Date.now() - 3 * 86_400_000).toISOString(),
    });
  }
  const guest = `guest-${cookies["guest"] ?? "4412"}`;
  const role = roleIn(name.toLowerCase(), me);
  const keeps = role === "owner" || role === "moderator";
  const userId = me ?? guest;
  const hour = new Date(Date.now() + 3_600_000).toISOString();
  return ok({
    token: Buffer.from(JSON.stringify({ userId, room: card.username, guest: !me, role, how: cookies["mock-order"] })).toString(
      "base64url",
    ),
    tokenExpirationTime: new Date(Date.now() + 60_000).toISOString(),
    sessionExpirationTime: hour,
    endpoint: `ws://${host}/mock-chat`,
    userId,
    displayName: userId,
    past: new Date().toISOString(),
    capabilities: keeps ? ["SEND_MESSAGE", "DELETE_MESSAGE", "DISCONNECT_USER"] : ["SEND_MESSAGE"],
  });
}

const dots = "••••••••••••••••••••••••";
const srtServer = "srt://127.0.0.1:9000";
const srtPassphrase = "q8ZrTn2Lw5XcVb7Ks4Jh9GfDm3PyUa6EoRi1NtBe0WvQx8CzMlYpHsKgFdJtAuOiLrE5k";

function dashboard(what: string, me: string, { body, cookies }: Call): Answer {
  const owner = users.get(me)!;
  const masked = () => `${owner.key.slice(0, 13)}••••••••••••••••${owner.key.slice(-4)}`;
  switch (what) {
    case "GET /api/dashboard/health":
      if (cookies["mock-health"] === "broken") return no(503, "the streaming service does not answer");
      return ok(streamHealth(channels.get(me)?.live ?? false, cookies["mock-health"]));
    case "POST /api/dashboard/stream-key/reveal":
      return ok({ value: owner.key });
    case "POST /api/dashboard/srt/reveal":
      return ok({ address: `${srtServer}?streamid=${owner.key}&passphrase=${srtPassphrase}`, passphrase: srtPassphrase });
    case "POST /api/dashboard/stream-key/reset":
      owner.key = `sk_us-east-1_${Math.random().toString(36).slice(2).padEnd(12, "x")}Kd7p`;
      return ok({ masked: masked() });
    case "PATCH /api/dashboard": {
      const shelf = categories.find((c) => c.id === body["categoryId"]);
      const title = body["title"];
      change(me, { ...(typeof title === "string" ? { title } : {}), ...(shelf ? { category: shelf } : {}) });
    }
  }
  const card = channels.get(me)!;
  return ok({
    ...card,
    interrupted: card.live && ["starving", "waiting"].includes(cookies["mock-health"] ?? ""),
    whip: { endpoint: "mock:whip" },
    ingest: {
      server: "rtmp://127.0.0.1:1935/app/",
      protocol: "rtmp",
      insecureNote: "Plain RTMP is accepted because this server has no certificate yet. Keep it to networks you trust.",
    },
    srt:
      cookies["mock-srt"] === "off"
        ? null
        : { server: srtServer, masked: { address: `${srtServer}?streamid=${masked()}&passphrase=${dots}`, passphrase: dots } },
    streamKey: { masked: masked() },
    channelPath: `/c/${card.username}`,
    playbackUrl: playback(card),
  });
}
