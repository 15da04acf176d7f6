import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import type { Plugin } from "vite";
import { mockServer } from "./dev/mock.ts";

/**
 * The page may hold no inline script (content security policy), yet the theme must be set before
 * the first paint: it becomes a small hashed file of its own. The text font is preloaded beside it.
 */
function head(): Plugin {
  const source = new URL("./src/theme/boot.js", import.meta.url);
  let boot = "/src/theme/boot.js";
  return {
    name: "streamcat:head",
    buildStart() {
      if (!this.environment.config.isProduction) return;
      const ref = this.emitFile({ type: "asset", name: "theme.js", source: readFileSync(source, "utf8") });
      boot = ref;
    },
    transformIndexHtml: {
      order: "post",
      handler(_html, ctx) {
        const theme = Object.values(ctx.bundle ?? {}).find((f) => f.type === "asset" && f.names.includes("theme.js"));
        const font = Object.keys(ctx.bundle ?? {}).find((f) => /geist-latin-wght-normal.*\.woff2$/.test(f));
        return [
          { tag: "script", attrs: { src: theme ? `/${theme.fileName}` : boot }, injectTo: "head-prepend" },
          ...(font
            ? [
                {
                  tag: "link",
                  attrs: { rel: "preload", as: "font", type: "font/woff2", href: `/${font}`, crossorigin: true },
                  injectTo: "head" as const,
                },
              ]
            : []),
        ];
      },
    },
  };
}

/** The real-time library next door, from its source: what the pages test is what others get. */
const client = (file: string) => fileURLToPath(new URL(`../client/src/${file}`, import.meta.url));

const backend = process.env["STREAMCAT_BACKEND"]; // e.g. http://127.0.0.1:8080: use a real server instead of the mock

export default defineConfig({
  plugins: [react(), head(), ...(backend ? [] : [mockServer()])],
  resolve: {
    alias: [
      { find: /^@streamcat\/client$/, replacement: client("index.ts") },
      { find: /^@streamcat\/client\/whip$/, replacement: client("whip.ts") },
      // Pieces that only the check of a connection needs by themselves.
      { find: /^@streamcat\/client\/(codecs|relays|token)$/, replacement: client("$1.ts") },
    ],
  },
  build: {
    outDir: "../../internal/site/dist",
    emptyOutDir: true,
    assetsInlineLimit: 0, // no data: addresses, the policy stays short
    target: ["chrome123", "firefox120", "safari17.5"], // light-dark() sets the floor
    modulePreload: { polyfill: false },
  },
  server: {
    port: 5173,
    fs: { allow: [".", "../client"] },
    ...(backend ? { proxy: { "/api": { target: backend, ws: true } } } : {}),
  },
  test: { environment: "happy-dom", include: ["src/**/*.test.{ts,tsx}"], restoreMocks: true, css: false },
});
