// The main job with nothing but browsers and an encoder: somebody registers, streams with what the
// dashboard says, and a guest watches and chats.
//   node story.mjs <url> [crash]
// Steps said: registered {server, key, srt: all in one address}, watching {…, protocols: how playlists came, playlist: its address}, and with "crash" also back {…}; cues wanted:
// "crashed" after the server was killed and both it and the encoder run again.
import assert from "node:assert/strict";
import { cue, heard, moving, person, play, playerBadge, say, until, viewers, write } from "./stage.mjs";

const [url, ending] = process.argv.slice(2);

await play(async () => {
  const owner = await person("owner");
  const dashboard = await owner.newPage();
  await dashboard.goto(`${url}/register`);
  await dashboard.getByLabel("Username").fill("Ada-Streams");
  await dashboard.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await dashboard.getByRole("button", { name: "Create channel" }).click();
  await dashboard.waitForURL("**/dashboard");
  await dashboard.getByText("OFFLINE", { exact: true }).waitFor();
  const codes = dashboard.locator(".copy code");
  const server = await codes.nth(0).innerText();
  const masked = await codes.nth(1).innerText();
  await dashboard.getByRole("button", { name: "Show the key" }).click();
  const key = await until("the key", () => codes.nth(1).innerText(), (text) => text !== masked);
  await dashboard.getByRole("button", { name: "Hide the key" }).click();
  const srt = await addressForSRT(dashboard);

  const guest = await person("guest");
  const page = await guest.newPage();
  await page.goto(`${url}/c/ada-streams`); // in small letters: it is the same name
  await page.getByText("is off air").waitFor();
  await page.evaluate(() => {
    window.neverReloaded = true;
    window.states = [];
    const watch = () => {
      const state = document.querySelector(".player")?.dataset.state;
      if (state && state !== window.states.at(-1)) window.states.push(state);
    };
    new MutationObserver(watch).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
  });
  say("registered", { server, key, srt });

  await playerBadge(page).waitFor(); // by itself
  const seen = await moving(page);
  await dashboard.locator(".now").getByText("LIVE", { exact: true }).waitFor();
  const watching = await until("viewers", () => viewers(page), (n) => n >= 1);

  const own = await owner.newPage();
  await own.goto(`${url}/c/Ada-Streams`);
  await talk(page, own, "first");
  const playlists = await page.evaluate(() =>
    performance.getEntriesByType("resource").filter((r) => r.name.includes(".m3u8")).map((r) => [r.name, r.nextHopProtocol]),
  );
  say("watching", { seen, watching, protocols: [...new Set(playlists.map(([, protocol]) => protocol))], playlist: playlists[0][0] });
  if (ending !== "crash") return;

  await cue("crashed");
  await page.evaluate(() => {
    // Far more than was in the player's buffer when the server went away.
    window.played = 0;
    let before;
    setInterval(() => {
      const now = document.querySelector("video")?.currentTime;
      if (now > before) window.played += Math.min(now - before, 1);
      before = now;
    }, 250);
  });
  await until("ten seconds of the new stream", () => page.evaluate(() => window.played), (seconds) => seconds > 10);
  const again = await moving(page);
  await playerBadge(page).waitFor();
  assert.equal(await page.evaluate(() => window.neverReloaded), true, "the page was loaded again");
  const states = await page.evaluate(() => window.states);
  assert.ok(!states.includes("unsupported"), `the player gave up: ${states}`);
  await talk(page, own, "second");

  await dashboard.reload();
  await dashboard.locator(".now").getByText("LIVE", { exact: true }).waitFor(); // still signed in
  await dashboard.getByRole("button", { name: "Show the key" }).click();
  assert.equal(await until("the key", () => codes.nth(1).innerText(), (text) => text !== masked), key, "the key changed");
  say("back", { again, states });
});

/** What the dashboard tells an encoder that sends by SRT, and that the page knows it only when asked. */
async function addressForSRT(page) {
  await page.getByRole("radio", { name: "SRT" }).check({ force: true }); // its face covers it
  const shown = page.locator(".copy code").first();
  const masked = await shown.innerText();
  assert.match(masked, /^srt:\/\/[\d.]+:\d+\?streamid=sk_•+&passphrase=•+$/);
  await page.getByRole("button", { name: "Show the address" }).click();
  const address = await until("the SRT address", () => shown.innerText(), (text) => text !== masked);
  await page.getByRole("button", { name: "Hide the address" }).click();
  assert.ok(!(await page.content()).includes(new URL(address).searchParams.get("passphrase")), "the passphrase is still in the page");
  await page.getByRole("radio", { name: "RTMP" }).check({ force: true });
  return address;
}

/** Both say something, once both are in the room, and both read what the other said. */
async function talk(guest, own, time) {
  const question = await write(guest, `a guest's ${time} words`);
  const answer = await write(own, `the owner's ${time} words`);
  await question.click();
  await heard(own, `a guest's ${time} words`);
  await answer.click();
  await heard(guest, `the owner's ${time} words`);
}
