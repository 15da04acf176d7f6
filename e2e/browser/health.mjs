// A streamer reads on the dashboard how their stream does, and what the encoder should do otherwise.
//   node health.mjs <url>
// Steps said: registered {server, key}, waiting, live {bitrate, fps, keyframes, viewers, advice}, lost {dashboard, channel}, off.
import { person, play, say } from "./stage.mjs";

const [url] = process.argv.slice(2);

await play(async () => {
  const page = await (await person("streamer")).newPage();
  await page.goto(`${url}/register`);
  await page.getByLabel("Username").fill("Meter");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Create channel" }).click();
  await page.waitForURL("**/dashboard");
  const panel = page.getByRole("region", { name: "Stream health" });
  await panel.getByText("When you are on air").waitFor();
  await page.getByRole("button", { name: "Show the key" }).click();
  const [server, key] = await page.locator(".steps .step-field code").evaluateAll(async (codes) => {
    while (codes[1].textContent.includes("•")) await new Promise((next) => requestAnimationFrame(next));
    return codes.map((c) => c.textContent);
  });
  say("registered", { server, key });

  const rows = panel.locator(".metric .num");
  await panel.getByText("One thing to mend").waitFor({ timeout: 90_000 });
  const advice = await panel.getByRole("listitem").allInnerTexts();
  const [bitrate, fps, keyframes, viewers] = (await rows.allInnerTexts()).map(Number);
  const charts = await panel.getByRole("img").evaluateAll((all) => all.map((c) => c.getAttribute("aria-label")));
  const viewer = await (await person("viewer")).newPage();
  await viewer.goto(`${url}/c/Meter`);
  await viewer.locator('.player[data-state="playing"]').waitFor({ timeout: 60_000 });
  say("live", { bitrate, fps, keyframes, viewers, advice, charts });
  await panel.getByText("Encoder lost").waitFor({ timeout: 60_000 });
  const standing = page.getByText("Waiting for your encoder");
  const notice = viewer.getByText("Meter lost the connection");
  const [dashboard] = await Promise.all([standing.innerText(), notice.waitFor()]);
  say("lost", { dashboard, channel: await notice.locator("..").innerText() });
  await panel.getByText("When you are on air").waitFor({ timeout: 60_000 });
  say("off");
});
