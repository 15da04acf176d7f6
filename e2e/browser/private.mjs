// Two viewers of a private channel in hls.js, on a page of another origin.
//   node private.mjs <address of the channel's playlist>   the tokens are in CUT and STAY
// It says playing {the session times so far}; then, as it comes: told {the tag of the first metadata}, cued {both
// texts}, marked {the ad break}; after the cue "revoked": cut, when the first viewer is refused. At last the second plays on.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { cue, moving, person, play, say, until } from "./stage.mjs";

const playlist = process.argv[2];
const library = readFileSync(new URL("../node_modules/hls.js/dist/hls.js", import.meta.url));
const server = createServer((request, response) => {
  const script = request.url === "/hls.js";
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? library : "<!doctype html><title>private</title><script src=/hls.js></script><video muted autoplay playsinline></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

/** Opens a page that plays the channel and keeps what hls.js tells of it. */
async function viewer(name, token) {
  const page = await (await person(name)).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate((url) => {
    const seen = (window.seen = { times: [], texts: [], cues: [], ranges: {}, refused: [], parts: 0 });
    const hls = (window.hls = new Hls({ lowLatencyMode: true }));
    const { Events } = Hls;
    hls.on(Events.FRAG_PARSING_METADATA, (_, { samples }) => {
      for (const { pts, data, type } of samples) {
        const tag = new TextDecoder().decode(data);
        (tag.includes("streamcat.session-time") ? seen.times : seen.texts).push({ pts, type, tag });
      }
    });
    hls.on(Events.LEVEL_UPDATED, (_, { details }) => {
      for (const [id, range] of Object.entries(details.dateRanges)) {
        seen.ranges[id] = {
          class: range.class,
          start: range.startTime,
          planned: range.plannedDuration,
          valid: range.isValid,
          edge: details.edge,
          ad: range.attr["X-NET-LIVE-VIDEO-AD-AD-BREAK-ID"],
        };
      }
    });
    hls.on(Events.FRAG_LOADED, (_, { part }) => {
      if (part) seen.parts += 1;
    });
    hls.on(Events.ERROR, (_, { response }) => {
      if (response?.code) seen.refused.push({ code: response.code, at: Date.now() });
    });
    const video = document.querySelector("video");
    video.addEventListener("timeupdate", () => {
      for (const track of video.textTracks) {
        for (const { value, startTime } of track.activeCues ?? []) {
          if (value?.key === "TXXX" && value.info !== "streamcat.session-time") seen.cues.push({ info: value.info, text: value.data, start: startTime, at: video.currentTime });
        }
      }
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  }, `${playlist}?token=${token}`);
  return page;
}

const seen = (page) => page.evaluate(() => window.seen);
const time = (page) => page.evaluate(() => document.querySelector("video").currentTime);

await play(async () => {
  const [first, second] = await Promise.all([viewer("first", process.env.CUT), viewer("second", process.env.STAY)]);
  await Promise.all([moving(first), moving(second)]);
  await until("parts, as low latency has them", () => seen(first), ({ parts }) => parts > 3);
  const { times } = await until("session times", () => seen(first), ({ times }) => times.length > 2);
  say("playing", {
    times: times.map(({ pts, tag }) => ({ pts, ...JSON.parse(tag.slice(tag.lastIndexOf("\0") + 1)) })),
    now: await time(first),
  });

  for (const page of [first, second]) {
    const { texts } = await until("the text", () => seen(page), ({ texts }) => texts.length > 0);
    const [{ pts, type, tag }] = texts;
    assert.equal(type, "https://aomedia.org/emsg/ID3");
    const now = await time(page);
    assert.ok(Math.abs(pts - now) < 12, `the text is for ${pts}, and the player is at ${now}`);
    if (page === first) say("told", { tag, times: new Set(texts.map((text) => text.pts)).size });
  }
  for (const page of [first, second]) {
    const texts = ({ cues }) => [...new Set(cues.map(({ text }) => text))];
    const all = await until("both cues", () => seen(page), (all) => texts(all).length === 2);
    for (const { info, start, at } of all.cues) {
      assert.equal(info, "metadata.live-video.net");
      assert.ok(start <= at && at - start < 5, `the cue of ${start} came at ${at}`);
    }
    if (page === first) say("cued", { texts: texts(all) });
  }

  const { ranges } = await until("the ad break", () => seen(first), ({ ranges }) => Object.keys(ranges).length > 0);
  const [[id, range]] = Object.entries(ranges);
  assert.ok(Math.abs(range.start - range.edge) < 5, `the break begins at ${range.start}, and the media ends at ${range.edge}`);
  say("marked", { id, ...range });

  await cue("revoked");
  const revoked = Date.now();
  const { refused } = await until("a refusal", () => seen(first), ({ refused }) => refused.some(({ code }) => code === 403));
  say("cut", { after: refused.find(({ code }) => code === 403).at - revoked });
  await until("the first viewer stands still", async () => {
    const before = await time(first);
    await new Promise((done) => setTimeout(done, 500));
    return (await time(first)) - before;
  }, (went) => went === 0);
  const before = await time(second);
  await until("the second plays on", () => time(second), (now) => now > before + 2);
  const others = await seen(second);
  assert.deepEqual(others.refused, []);
  server.close();
});
