import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import type { ChannelCard } from "../src/api/types";
import { change, channels, listeners } from "./mock-state.ts";

export function liveSocket(socket: WebSocket, request: IncomingMessage): void {
  const wanted = new URL(request.url ?? "/", "http://mock").searchParams.get("channels")?.toLowerCase().split(",");
  const tell = (channel: ChannelCard) => {
    if (!wanted || wanted.includes(channel.username.toLowerCase())) socket.send(JSON.stringify({ type: "channel", channel }));
  };
  listeners.add(tell);
  // `{"set":{"username":"kilnlight","live":true}}` from a test or the console changes the mock's world.
  socket.on("message", (data) => {
    const { set } = JSON.parse(String(data)) as { set?: Partial<ChannelCard> & { username: string } };
    if (set) change(set.username, { startedAt: set.live ? new Date().toISOString() : null, ...set });
  });
  const alive = setInterval(() => socket.send(JSON.stringify({ type: "alive" })), 25_000);
  const drift = setInterval(() => {
    for (const c of channels.values())
      if (c.live && c.viewers > 20)
        change(c.username, { viewers: Math.max(20, c.viewers + Math.round((Math.random() - 0.5) * 6)) });
  }, 5000);
  socket.on("close", () => {
    listeners.delete(tell);
    clearInterval(drift);
    clearInterval(alive);
  });
}
