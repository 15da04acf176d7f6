// A viewer in hls.js, on a page of another origin, who says what the browser can decode.
//   node codecs.mjs <address of a playlist> <codecs>...
// It says able {codecs: whether it can, in the order asked}, and playing {seen, width, height, sound in bytes}.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { moving, person, play, say, until } from "./stage.mjs";

const [playlist, ...codecs] = process.argv.slice(2);
const library = readFileSync(new URL("../node_modules/hls.js/dist/hls.js", import.meta.url));
const server = createServer((request, response) => {
  const script = request.url === "/hls.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? library : "<!doctype html><title>codecs</title><script src=/hls.js></script><video autoplay playsinline></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

await play(async () => {
  const page = await (await person("viewer")).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  say("able", { codecs: await page.evaluate((all) => all.map((c) => MediaSource.isTypeSupported(`video/mp4; codecs="${c}"`)), codecs) });
  await page.evaluate((url) => {
    window.fatal = [];
    const hls = new Hls({ lowLatencyMode: true });
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && window.fatal.push(details));
    hls.loadSource(url);
    hls.attachMedia(document.querySelector("video"));
  }, playlist);
  const seen = await moving(page);
  const size = await until(
    "sound",
    () =>
      page.evaluate(() => {
        const video = document.querySelector("video");
        return { width: video.videoWidth, height: video.videoHeight, sound: video.webkitAudioDecodedByteCount, fatal: window.fatal };
      }),
    ({ sound }) => sound > 0,
  );
  say("playing", { seen, ...size });
});
server.close();
