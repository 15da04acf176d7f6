// Shaka Player watches a channel in its low-latency mode, on a page of another origin.
//   node shaka.mjs <address of the channel's playlist>
// It says playing {live, parts, latency, errors}: how many parts it took by their names, and how far it is behind the
// end in seconds.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { moving, person, play, say, until } from "./stage.mjs";

const playlist = process.argv[2];
const library = readFileSync(new URL("../node_modules/shaka-player/dist/shaka-player.compiled.js", import.meta.url));
const server = createServer((request, response) => {
  const script = request.url === "/shaka.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? library : "<!doctype html><title>shaka</title><script src=/shaka.js></script><video muted autoplay playsinline></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

await play(async () => {
  const page = await (await person("viewer")).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(async (address) => {
    const seen = (window.seen = { parts: 0, errors: [] });
    shaka.polyfill.installAll();
    const player = (window.player = new shaka.Player());
    player.addEventListener("error", ({ detail }) => seen.errors.push(`${detail.category} ${detail.code}`));
    player.getNetworkingEngine().registerResponseFilter((_, { uri }) => {
      if (/\/p\d+-[^/]*\.m4s/.test(uri)) seen.parts += 1;
    });
    player.configure({ streaming: { lowLatencyMode: true } });
    await player.attach(document.querySelector("video"));
    await player.load(address);
  }, playlist);
  await moving(page);
  const look = () => page.evaluate(() => ({
    ...window.seen, live: window.player.isLive(), time: document.querySelector("video").currentTime,
    latency: window.player.seekRange().end - document.querySelector("video").currentTime,
  }));
  const { time: begun } = await look();
  const { time, ...rest } = await until("eight seconds of play", look, ({ time, parts }) => time > begun + 8 && parts > 8);
  say("playing", { went: time - begun, ...rest });
  await page.evaluate(() => window.player.destroy());
  server.close();
});
