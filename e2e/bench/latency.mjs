// Plays a live channel with hls.js in low-latency mode and reads, from each picture, when it was made.
//   node latency.mjs <page> <seconds>     prints {"firstFrame": ms, "latency": [ms…], "fatal": n}
import { chromium } from "playwright-core";

const [page, seconds] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
});
try {
  const tab = await browser.newPage();
  await tab.goto(page);
  await tab.waitForFunction((n) => window.result.latency.length >= n, Number(seconds) * 10, { timeout: 90_000 });
  console.log(JSON.stringify(await tab.evaluate(() => window.result)));
} finally {
  await browser.close();
}
