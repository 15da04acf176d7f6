// Plays a stream of three renditions, each of one colour, with hls.js in low-latency mode, and switches among them.
//   node ladder.mjs <page>      says done {…} when every switch has shown the picture it was to show
import assert from "node:assert/strict";
import { person, play, say } from "./stage.mjs";

const HEIGHTS = { red: 360, green: 240, blue: 144 };

await play(async () => {
  const context = await person("viewer");
  const page = await context.newPage();
  const first = []; // the first request of each rendition's playlist after a switch
  let last = "";
  page.on("request", (request) => {
    const [, file, query] = request.url().match(/\/(av\d*\.m3u8)\?(.*)$/) ?? [];
    if (file && file !== last) first.push({ file, query });
    last = file ?? last;
  });
  await page.goto(process.argv[2]);

  /** Waits until the picture has one colour, in the rendition's own size, and moves on. */
  const shows = (colour) =>
    page.waitForFunction(
      ([colour, height]) => {
        const now = window.look();
        if (now.colour !== colour || now.height !== height) window.since = undefined;
        else window.since ??= now.time;
        return window.since !== undefined && now.time > window.since + 1;
      },
      [colour, HEIGHTS[colour]],
      { timeout: 60_000, polling: 100 },
    );

  await page.waitForFunction(() => window.look().time > 0 && window.hls.levels.length === 3);
  for (const colour of ["red", "blue", "green", "blue", "red", "green", "red"]) {
    await page.evaluate((height) => {
      window.since = undefined;
      window.hls.nextLevel = window.hls.levels.findIndex((l) => l.height === height);
    }, HEIGHTS[colour]);
    await shows(colour);
  }

  // A network that carries the smallest, and by itself hls.js leaves what it cannot keep up with.
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  const throttle = (bitsPerSecond) =>
    network.send("Network.emulateNetworkConditions", {
      offline: false, latency: 5, downloadThroughput: bitsPerSecond / 8, uploadThroughput: -1,
    });
  await throttle(1_200_000);
  await page.evaluate(() => {
    window.since = undefined;
    window.hls.nextLevel = -1;
  });
  await page.waitForFunction(() => window.look().height < 360, undefined, { timeout: 90_000, polling: 100 });
  await throttle(-8);
  await page.evaluate(() => {
    window.since = undefined;
    window.hls.nextLevel = window.hls.levels.findIndex((l) => l.height === 360);
  });
  await shows("red");

  // The best rendition pauses: whoever watches it sees the next one until it is back, and need do nothing.
  await page.evaluate(() => (window.since = undefined));
  say("pause");
  await shows("green");
  await page.evaluate(() => (window.since = undefined));
  say("resume");
  await shows("red");

  const seen = await page.evaluate(() => window.seen);
  assert.deepEqual(seen.fatal, []);
  // The reports in the playlist before told where each other rendition is: hls.js asks for what comes next there.
  const switches = first.slice(1);
  assert.ok(switches.length >= 7, JSON.stringify(first));
  const informed = switches.filter(({ query }) => /_HLS_msn=\d+/.test(query) && /(^|&)s=/.test(query));
  assert.equal(informed.length, switches.length, JSON.stringify(switches));
  say("switched", { switches: switches.length, errors: seen.errors });
});
