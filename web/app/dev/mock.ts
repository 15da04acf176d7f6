import { createReadStream, existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { WebSocketServer } from "ws";
import { handleApi } from "./mock-api.ts";
import { chatSocket } from "./mock-chat.ts";
import { liveSocket } from "./mock-live.ts";

/**
 * Plays the server while the pages are worked on: `npm run dev` needs nothing else. It keeps all in
 * memory and answers as the real one does; the stage and WHIP are played in the tab. With STREAMCAT_MOCK_HLS a directory of HLS files is the
 * picture of every live channel.
 */
export function mockServer(): Plugin {
  return {
    name: "streamcat:mock",
    apply: "serve",
    enforce: "pre",
    /** There is no stage and no way in for media either: both are played in the tab. */
    resolveId(source, importer = "") {
      if (process.env["VITEST"]) return;
      if (source === "./client" && importer.endsWith("/src/stage/open.ts")) return here("./mock-stage.ts");
      if (source === "./probe" && importer.endsWith("/src/check/checkup.ts")) return here("./mock-probe.ts");
      if (/(^@streamcat\/client\/whip|\/client\/src\/whip\.ts)$/.test(source)) return here("./mock-whip.ts");
      return;
    },
    configureServer(server) {
      if (process.env["VITEST"]) return;
      server.middlewares.use((request: IncomingMessage, response: ServerResponse, next: () => void) => {
        const url = new URL(request.url ?? "/", "http://mock");
        if (url.pathname.startsWith("/mock-hls/")) media(url.pathname.slice("/mock-hls/".length), response);
        else if (url.pathname.startsWith("/api/")) void handleApi(request, response, url);
        else next();
      });
      const sockets = new WebSocketServer({ noServer: true });
      server.httpServer?.on("upgrade", (request, socket, head) => {
        const { pathname } = new URL(request.url ?? "/", "http://mock");
        const serve =
          pathname === "/api/live"
            ? liveSocket
            : pathname === "/mock-chat"
              ? chatSocket
              : pathname.startsWith("/mock-events/")
                ? () => undefined
                : undefined;
        if (serve) sockets.handleUpgrade(request, socket, head, (ws) => serve(ws, request));
      });
    },
  };
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

function media(name: string, response: ServerResponse): void {
  const directory = process.env["STREAMCAT_MOCK_HLS"];
  const path = directory && /^[\w.-]+$/.test(name) ? join(directory, name) : undefined;
  if (!path || !existsSync(path)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    "content-type": name.endsWith(".m3u8") ? "application/vnd.apple.mpegurl" : "video/mp4",
    "cache-control": "no-store",
  });
  createReadStream(path).pipe(response);
}
