// The open client library (web/client) on a page of its own.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { person } from "./stage.mjs";

const root = new URL("../../web/", import.meta.url);
/** Where the library is; somewhere else when a changed one is tried. */
const source = process.env.STREAMCAT_CLIENT ?? fileURLToPath(new URL("client/", root));

/** The library as one file, made from its source by the vite that is there. */
async function library(name) {
  const home = ["client", "app"].map((name) => new URL(`${name}/`, root)).find((dir) => existsSync(new URL("node_modules/vite", dir)));
  assert.ok(home, "vite is not installed: run `make build`");
  const { build } = await import(createRequire(new URL("package.json", home)).resolve("vite"));
  const made = await build({
    root: source,
    configFile: false,
    logLevel: "error",
    build: { write: false, minify: false, lib: { entry: `src/${name}.ts`, formats: ["es"], fileName: "client" } },
  });
  return [made].flat()[0].output[0].code;
}

/** A page with nothing but a module of the library ("index", "whip") at /client.js, page.js, and what the pages of a strict application may do. */
export async function serve(name) {
  const code = await library(name);
  const helpers = readFileSync(new URL("page.js", import.meta.url));
  const server = createServer((request, response) => {
    response.setHeader("Content-Security-Policy", "default-src 'none'; script-src 'self'; connect-src *; media-src blob:; worker-src blob:");
    const script = { "/client.js": code, "/page.js": helpers }[request.url];
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    if (request.url !== "/" && !script) response.statusCode = 204;
    response.end(script ?? "<!doctype html><title>stage</title>");
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return server;
}

/** That page, opened by somebody of their own. */
export async function open(server, browser, name) {
  const page = await (await person(name, browser)).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}`);
  return page;
}
