import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";

interface Pass {
  userId: string;
  room: string;
  guest: boolean;
  role: string;
  how?: string;
}

const rooms = new Map<string, Map<WebSocket, Pass>>();

/** Who says what, and which of the earlier ones it answers. */
const script: [string, string, number?][] = [
  ["lumi", "first time here, what am I looking at and why do I love it"],
  ["tomas.l", "Synth in pieces, put together live. Stay a while.", 0],
  ["kelpforest", "the snare is back"],
  ["halle_b", "working late with this on, best colleague I have"],
  ["okko", "the low end on this is ridiculous"],
  ["wren_ivers", "can you sync the clock to the snow outside"],
  ["HOST", "I can try to make it sound like I did", 5],
  ["guest-2231", "hello from a very quiet library"],
  ["sable", "@patchbay which module is the wooden one, top row?"],
  ["tomas.l", "It is a spring reverb: https://example.org/modules/spring-reverb?rack=2", 8],
  ["kelpforest", "voting shimmer. always shimmer."],
  ["discount_pixels", "cheap followers at pxl-boost, first 100 free!!"],
  ["marguerite", "shimmer gang"],
  ["HOST", "okay, shimmer is winning. Thirty seconds."],
  ["okko", "record this one please"],
];

/** An event by the app in its own name, as SendEvent makes them. */
export function tellRoom(room: string, name: string, attributes: Record<string, string>): void {
  const frame = { Type: "EVENT", Id: randomUUID(), RequestId: "", EventName: name, Attributes: attributes };
  for (const member of rooms.get(room)?.keys() ?? []) member.send(JSON.stringify(frame));
}

/** Ends somebody's connections. */
export function disconnect(room: string, userId: string, reason: string): void {
  tellRoom(room, "aws:DISCONNECT_USER", { UserId: userId, Reason: reason });
  for (const [member, who] of rooms.get(room) ?? []) if (who.userId === userId) member.close(1000);
}

export function chatSocket(socket: WebSocket, request: IncomingMessage): void {
  const token = request.headers["sec-websocket-protocol"] ?? "";
  const pass = JSON.parse(Buffer.from(token, "base64url").toString()) as Pass;
  const members = rooms.get(pass.room) ?? new Map<WebSocket, Pass>();
  rooms.set(pass.room, members.set(socket, pass));
  const all = (frame: object) => {
    for (const member of members.keys()) member.send(JSON.stringify(frame));
  };
  const roleOf = (userId: string) =>
    userId === pass.room
      ? "owner"
      : userId.startsWith("guest-")
        ? "guest"
        : userId === "tomas.l" || (userId === pass.userId && pass.role === "moderator")
          ? "moderator"
          : "viewer";
  const base = (id: unknown, at = Date.now()) => ({
    Id: randomUUID(),
    RequestId: id ?? "",
    SendTime: new Date(at).toISOString(),
  });
  const message = (userId: string, content: string, id?: unknown, attributes: object = {}, at?: number) => ({
    Type: "MESSAGE",
    ...base(id, at),
    Content: content,
    Attributes: attributes,
    Sender: { UserId: userId, Attributes: { username: userId, displayName: userId, role: roleOf(userId) } },
  });
  const said: string[] = [];
  const again = new URL(request.url ?? "/", "http://mock").searchParams.has("after");
  for (const [at, [who, text, answers]] of again ? [] : script.entries()) {
    const whose = who === "HOST" ? pass.room : who;
    const before = pass.how === "past" && at < 9 ? Date.now() - 60_000 : undefined;
    const frame = message(whose, text, "", answers === undefined ? {} : { replyTo: said[answers] }, before);
    said.push(frame.Id);
    socket.send(JSON.stringify(frame));
  }

  socket.on("message", (data) => {
    const a = JSON.parse(String(data)) as Record<string, string> & { Attributes?: object };
    const refuse = (code: number, words: string) =>
      socket.send(JSON.stringify({ Type: "ERROR", ...base(a["RequestId"]), ErrorCode: code, ErrorMessage: words }));
    if (a["Action"] === "SEND_MESSAGE") {
      const content = a["Content"] ?? "";
      if (content === "/out") {
        tellRoom(pass.room, "streamcat:TIME_OUT_USER", { UserId: pass.userId, Reason: "Capitals", Seconds: "581" });
      } else if (content === "/ban") {
        tellRoom(pass.room, "streamcat:BAN_USER", { UserId: pass.userId, Reason: "Advertising", Until: "" });
        disconnect(pass.room, pass.userId, "Advertising");
      } else if (content.includes("/fail")) refuse(406, "Message rejected");
      else if (content === "/invite me") {
        // A look at the toast without a second person.
        const expiresAt = new Date(Date.now() + 9.5 * 60_000).toISOString();
        const invite = { userId: pass.userId, invitation: "i-open", channel: pass.room, host: pass.room, expiresAt };
        setTimeout(() => tellRoom(pass.room, "StreamCat:MultihostInvite", invite), 200);
      } else if (!content.includes("/silent"))
        setTimeout(() => all(message(pass.userId, content, a["RequestId"], a.Attributes)), 120);
      const lines = Number(/^\/flood (\d+)/.exec(content)?.[1] ?? 0);
      for (let i = 0; i < lines; i++) setTimeout(() => all(message(`crowd-${i % 23}`, `line ${i} of a busy room`)), i * 20);
    } else if (pass.role !== "owner" && pass.role !== "moderator") refuse(403, "Permission denied");
    else if (a["Action"] === "DELETE_MESSAGE") {
      all({
        Type: "EVENT",
        ...base(a["RequestId"]),
        EventName: "aws:DELETE_MESSAGE",
        Attributes: { MessageID: a["Id"], MessageId: a["Id"], Reason: a["Reason"] ?? "" },
      });
    } else if (a["Action"] === "DISCONNECT_USER") {
      all({
        Type: "EVENT",
        ...base(a["RequestId"]),
        EventName: "aws:DISCONNECT_USER",
        Attributes: { UserId: a["UserId"], Reason: a["Reason"] ?? "" },
      });
      for (const [member, who] of members) if (who.userId === a["UserId"]) member.close(1000);
    }
  });
  socket.on("close", () => members.delete(socket));
}
