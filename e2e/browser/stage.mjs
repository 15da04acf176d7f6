// What the browser scripts share: a Chromium, people in it, and the talk with the test that runs them.
// A script says what it has reached as lines of JSON on its standard output, and waits for cues as lines
// on its standard input.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PATIENCE = 60_000;

export const browser = await chromium.launch({
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
  ],
});

/** What went wrong in any page: errors of scripts, and what the content security policy refused. */
const wrongs = [];

/** Somebody with a browser of their own. */
export async function person(name) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
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

export async function cue(name) {
  const { value } = await lines.next();
  assert.equal(value, name, "the test says something else");
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
    await browser.close();
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
