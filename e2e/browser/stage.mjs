// What the browser scripts share: a Chromium, people in it, and the talk with the test that runs them.
// A script says what it has reached as lines of JSON on its standard output, and waits for cues as lines
// on its standard input.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE = 60_000;

/** Browsers of their own: one per camera, since what a camera shows is set when a browser starts. */
const browsers = [];

/**
 * Starts a browser whose camera and microphone are files (y4m and wav, played over and over), or Chromium's own test
 * picture with a beep a second. Without `leave` no page gets either.
 */
export async function launch({ video, audio, leave = true, args = [] } = {}) {
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--autoplay-policy=no-user-gesture-required",
      "--use-fake-device-for-media-stream",
      leave ? "--use-fake-ui-for-media-stream" : "--deny-permission-prompts",
      ...(video ? [`--use-file-for-fake-video-capture=${video}`] : []),
      ...(audio ? [`--use-file-for-fake-audio-capture=${audio}`] : []),
      ...args,
    ],
  });
  browsers.push(browser);
  return browser;
}

/** What went wrong in any page: errors of scripts, and what the content security policy refused. */
const wrongs = [];

let common;

/** Somebody with a profile of their own, in the browser that everybody shares or in a given one. */
export async function person(name, browser, permissions = ["camera", "microphone"]) {
  browser ??= await (common ??= launch());
  // Certificates of tests are signed by nobody that a browser knows.
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    permissions,
    ignoreHTTPSErrors: true,
  });
  context.setDefaultTimeout(PATIENCE);
  context.on("page", (page) => {
    page.on("pageerror", (error) => wrongs.push(`${name}: ${error.stack ?? error}`));
    page.on("console", (message) => {
      // A server that is away is logged by the browser as an error, too: only refusals count.
      if (message.type() === "error" && /Content Security Policy|Refused to/.test(message.text())) {
        wrongs.push(`${name}: ${message.text()}`);
      }
    });
  });
  return context;
}

export const say = (step, facts = {}) => process.stdout.write(`${JSON.stringify({ step, ...facts })}\n`);

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** The next thing that the test says. */
export const nextCue = async () => (await lines.next()).value;

export async function cue(name) {
  assert.equal(await nextCue(), name, "the test says something else");
}

/** Runs a script's story; what went wrong in a page on the way fails it. */
export async function play(story) {
  try {
    await story();
    assert.deepEqual(wrongs, [], "errors in pages");
    say("done");
  } catch (error) {
    say("failed", { error: `${error.stack ?? error}\n${wrongs.join("\n")}` });
    process.exitCode = 1;
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    process.stdin.destroy();
  }
}

/** Asks a page again and again until the answer is right. */
export async function until(what, ask, right) {
  const end = Date.now() + PATIENCE;
  let last;
  for (;;) {
    last = await ask();
    if (right(last)) return last;
    if (Date.now() > end) assert.fail(`${what}: never, the last answer was ${JSON.stringify(last)}`);
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** What the page's player shows now: its time, and a small copy of the picture as the decoder gave it. */
const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector("video");
    if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const paper = canvas.getContext("2d");
    paper.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
    const light = [];
    for (let i = 0; i < data.length; i += 4) light.push((data[i] + data[i + 1] + data[i + 2]) / 3);
    return { time: video.currentTime, light, state: document.querySelector(".player")?.dataset.state };
  });

const mean = (numbers) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;

/** Waits until pictures are played that are not black, not plain, and move; gives what was measured. */
export async function moving(page) {
  let before = await until("a picture", () => look(page), Boolean);
  return until(
    "moving pictures",
    async () => {
      await new Promise((done) => setTimeout(done, 1000));
      const now = await look(page);
      if (!now) return now;
      const light = mean(now.light);
      const seen = {
        played: now.time - before.time,
        light,
        contrast: Math.sqrt(mean(now.light.map((n) => (n - light) ** 2))),
        change: mean(now.light.map((n, i) => Math.abs(n - before.light[i]))),
        state: now.state,
      };
      before = now;
      return seen;
    },
    (seen) => seen && seen.played > 0.3 && seen.played < 3 && seen.light > 10 && seen.contrast > 10 && seen.change > 0.2,
  );
}

export const playerBadge = (page) => page.locator(".player .top").getByText("LIVE", { exact: true });

/** The number on the player's plate of viewers. */
export const viewers = async (page) => Number.parseInt(await page.locator(".player .top .plate").innerText(), 10);

/** Writes a message, and waits until the chat is joined and would take it; click sends it. */
export async function write(page, words) {
  await page.getByLabel("Message", { exact: true }).fill(words);
  const send = page.getByRole("button", { name: "Send", exact: true });
  await send.and(page.locator(":enabled")).waitFor();
  return { click: () => send.click() };
}

/** Waits for words of somebody in the chat. */
export const heard = (page, words) => page.getByRole("log", { name: "Messages" }).getByText(words).waitFor();

/** The mean colour of the first video that a selector finds, as [red, green, blue]; null without a picture. */
export const colour = (page, selector) =>
  page.evaluate((selector) => {
    const video = document.querySelector(selector);
    if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return null;
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [32, 18];
    const paper = canvas.getContext("2d");
    paper.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = paper.getImageData(0, 0, canvas.width, canvas.height);
    const sum = [0, 0, 0];
    for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
    return sum.map((n) => Math.round((n * 4) / data.length));
  }, selector);

/** The strongest frequency in the sound of a media element's stream within a second, in Hz, and its level in dB. */
export const tone = (page, selector) =>
  page.evaluate(async (selector) => {
    const stream = document.querySelector(selector)?.srcObject;
    if (!stream?.getAudioTracks().length) return null;
    const context = new AudioContext();
    const ear = context.createAnalyser();
    [ear.fftSize, ear.smoothingTimeConstant] = [8192, 0];
    context.createMediaStreamSource(new MediaStream(stream.getAudioTracks())).connect(ear);
    await context.resume();
    const levels = new Float32Array(ear.frequencyBinCount);
    let best = { hz: 0, level: -Infinity };
    for (let look = 0; look < 12; look++) {
      await new Promise((done) => setTimeout(done, 90));
      ear.getFloatFrequencyData(levels);
      for (let i = 1; i < levels.length; i++) {
        if (levels[i] > best.level) best = { hz: Math.round((i * context.sampleRate) / ear.fftSize), level: levels[i] };
      }
    }
    await context.close();
    return best;
  }, selector);
