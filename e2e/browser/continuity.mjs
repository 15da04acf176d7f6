// Two pages that are never reloaded: hls.js as it comes, on a page of another origin, and the app's channel page.
//   node continuity.mjs <address of the channel's playlist> [address of the channel page]
// To each cue it waits until each page shows that, moving on for a second and more, and says it back with {pages}:
// "picture" (the encoder's, which is bright) or "slate" (which is dark). "still picture" is a picture that moves
// after the cue, for longer than anybody had buffered. The cue "enough" ends it. A fatal error
// of hls.js, or a player of the app that gives up, fails it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { nextCue, person, play, say, until } from "./stage.mjs";

const [playlist, channel] = process.argv.slice(2);
const library = readFileSync(new URL("../node_modules/hls.js/dist/hls.js", import.meta.url));
const server = createServer((request, response) => {
  const script = request.url === "/hls.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? library : "<!doctype html><title>plain</title><script src=/hls.js></script><video muted autoplay playsinline></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

/** Watches the page's video: how long pictures moved since the last change of brightness, and how large they are. */
const watch = () => {
  window.seen = { fatal: [], errors: {}, states: [], look: "", since: 0, size: "", stood: 0, begun: false };
  const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 9 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let before = -1;
  let moved = performance.now();
  setInterval(() => {
    const { seen } = window;
    const state = document.querySelector(".player")?.dataset.state;
    if (state && state !== seen.states.at(-1)) seen.states.push(state);
    const video = document.querySelector("video");
    if (!video || video.readyState < 2) return;
    const now = performance.now();
    if (video.currentTime === before) {
      if (seen.begun) seen.stood = Math.max(seen.stood, now - moved);
      return;
    }
    const step = now - moved;
    [before, moved, seen.begun] = [video.currentTime, now, true];
    context.drawImage(video, 0, 0, 16, 9);
    const { data } = context.getImageData(0, 0, 16, 9);
    let sum = 0;
    for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
    const look = sum / (data.length / 4) / 3 > 60 ? "picture" : "slate";
    const size = `${video.videoWidth}x${video.videoHeight}`;
    if (look !== seen.look || size !== seen.size) [seen.look, seen.size, seen.since] = [look, size, 0];
    else seen.since += Math.min(step, 500);
  }, 100);
};

await play(async () => {
  const pages = {};
  pages.plain = await (await person("plain")).newPage();
  await pages.plain.goto(`http://127.0.0.1:${server.address().port}/`);
  await pages.plain.evaluate(watch);
  await pages.plain.evaluate((url) => {
    // As it comes, but patient: by itself it gives a server three seconds to be back, which is what a busy
    // machine needs to start one.
    const { default: policy } = Hls.DefaultConfig.playlistLoadPolicy;
    const errorRetry = { ...policy.errorRetry, maxNumRetry: 20, maxRetryDelayMs: 1000 };
    const hls = new Hls({ playlistLoadPolicy: { default: { ...policy, errorRetry } } });
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
      window.seen.errors[details] = (window.seen.errors[details] ?? 0) + 1;
      if (fatal) window.seen.fatal.push(details);
    });
    hls.loadSource(url);
    hls.attachMedia(document.querySelector("video"));
  }, playlist);
  if (channel) {
    pages.app = await (await person("app")).newPage();
    await pages.app.goto(channel);
    await pages.app.evaluate(watch);
  }

  for (let cue = await nextCue(); cue !== "enough"; cue = await nextCue()) {
    const all = {};
    const wanted = cue.replace(/^still /, "");
    const enough = cue === wanted ? 1500 : 6000;
    if (cue !== wanted) for (const page of Object.values(pages)) await page.evaluate(() => (window.seen.since = 0));
    for (const [name, page] of Object.entries(pages)) {
      const [look, size] = wanted.split(" ");
      const seen = await until(
        `${wanted} on the ${name} page`,
        () => page.evaluate(() => window.seen),
        (seen) => seen === undefined || seen.fatal.length > 0 || (seen.look === look && seen.since > enough && (!size || size === seen.size)),
      );
      assert.ok(seen, `the ${name} page was loaded again`);
      assert.deepEqual(seen.fatal, [], "fatal errors of hls.js");
      assert.ok(!seen.states.includes("unsupported"), `the app's player gave up: ${seen.states}`);
      all[name] = { stood: Math.round(seen.stood), size: seen.size, states: seen.states, errors: seen.errors };
    }
    say(cue.split(" ")[0], { pages: all });
  }
  server.close();
});
