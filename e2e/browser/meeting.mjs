// The main job without an encoder: a host goes on stage from the tab, invites a chatter, is seen in real time and on the
// channel, and removes the guest. Each person has a browser whose camera shows one colour and whose microphone hums one tone.
//   node meeting.mjs <url> <host's y4m> <host's wav> <guest's y4m> <guest's wav>
// Steps said: together {…}, realTime {…}, channel {…}, reloaded {…}, late {…}, removed {status, code}, crashed {seconds}.
import assert from "node:assert/strict";
import { colour, heard, launch, person, play, say, tone, until, write } from "./stage.mjs";

const [url, hostVideo, hostAudio, guestVideo, guestAudio] = process.argv.slice(2);
const HOST = { name: "Red-Host", is: ([r, g, b]) => r > g + 60 && r > b + 60, hz: 440 };
const GUEST = { name: "Green-Guest", is: ([r, g, b]) => g > r + 40 && g > b + 40, hz: 880 };

async function register(context, name) {
  const page = await context.newPage();
  await page.goto(`${url}/register`);
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Create channel" }).click();
  await page.waitForURL("**/dashboard");
  return page;
}

const tileOf = (who) => `.stage .tile[aria-label^="${who.name}"]`;
const video = (who) => `${tileOf(who)} video`;

/** Waits until a page shows somebody's own picture, and hears their own tone, at their tile. */
async function meets(page, who, sound = true) {
  await page.locator(`${tileOf(who)}[data-state="picture"]`).waitFor();
  const seen = await until(`the picture of ${who.name}`, () => colour(page, video(who)), (c) => c && who.is(c));
  if (!sound) return { seen };
  const near = (h) => h && Math.abs(h.hz - who.hz) < 30 && h.level > -60;
  const heardTone = await until(`the tone of ${who.name}`, () => tone(page, video(who)), near);
  return { seen, heard: heardTone };
}

/** The mean colour of the left and the right half of a video, and the level of each tone in its sound, in dB. */
const mixture = (page, selector, tones) =>
  page.evaluate(
    async ([selector, tones]) => {
      const video = document.querySelector(selector);
      if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [32, 18];
      const paper = canvas.getContext("2d");
      paper.drawImage(video, 0, 0, 32, 18);
      const half = (x) => {
        const { data } = paper.getImageData(x, 5, 14, 8);
        const sum = [0, 0, 0];
        for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
        return sum.map((n) => Math.round((n * 4) / data.length));
      };
      const context = new AudioContext();
      const ear = context.createAnalyser();
      [ear.fftSize, ear.smoothingTimeConstant] = [8192, 0];
      context.createMediaStreamSource(video.captureStream()).connect(ear);
      await context.resume();
      const levels = new Float32Array(ear.frequencyBinCount);
      const loudest = tones.map(() => -200);
      for (let look = 0; look < 12; look++) {
        await new Promise((done) => setTimeout(done, 90));
        ear.getFloatFrequencyData(levels);
        tones.forEach((hz, i) => {
          const bin = Math.round((hz * ear.fftSize) / context.sampleRate);
          loudest[i] = Math.max(loudest[i], ...levels.subarray(bin - 3, bin + 4));
        });
      }
      await context.close();
      return { left: half(1), right: half(17), levels: loudest.map(Math.round) };
    },
    [selector, tones],
  );

const since = (start) => (performance.now() - start) / 1000;

await play(async () => {
  const hostBrowser = await launch({ video: hostVideo, audio: hostAudio });
  const host = await person("host", hostBrowser);
  const guest = await person("guest", await launch({ video: guestVideo, audio: guestAudio }));
  const viewer = await person("viewer");

  // The host opens the studio.
  const studio = await register(host, HOST.name);
  await studio.goto(`${url}/studio`);
  await studio.getByRole("button", { name: "Enter the stage" }).click();
  await meets(studio, HOST, false);

  // The second chats, and is invited from the chat.
  const channel = await register(guest, GUEST.name);
  await channel.goto(`${url}/c/${HOST.name}`);
  await (await write(channel, "may I join?")).click();
  await heard(studio, "may I join?");
  await studio.getByText("may I join?").hover();
  await studio.getByRole("button", { name: `More for ${GUEST.name}’s message` }).click();
  await studio.getByRole("menuitem", { name: "Invite to the stage" }).click();
  const answered = channel.waitForResponse((r) => r.url().endsWith("/join") && r.request().method() === "POST");
  await channel.locator(".toast").getByRole("link", { name: "Join the stage" }).click();
  const { token } = await (await answered).json();
  await channel.getByRole("button", { name: "Join the stage" }).click();
  const together = { hostSees: await meets(studio, GUEST), guestSees: await meets(channel, HOST) };
  say("together", together);

  // The third watches: first in real time, then on the channel.
  const watch = await viewer.newPage();
  await watch.goto(`${url}/c/${HOST.name}/realtime`);
  await watch.locator('.player[data-state="off"]').waitFor();
  await studio.getByText("Both", { exact: true }).locator("visible=true").click();
  await studio.getByRole("button", { name: "Go live" }).click();
  const realTime = { host: await meets(watch, HOST), guest: await meets(watch, GUEST) };
  say("realTime", realTime);

  const mix = await viewer.newPage();
  await mix.goto(`${url}/c/${HOST.name}`);
  const whole = await until(
    "both people in the channel's picture and sound",
    () => mixture(mix, ".player video", [HOST.hz, GUEST.hz, 1700]),
    (m) =>
      m && ((HOST.is(m.left) && GUEST.is(m.right)) || (GUEST.is(m.left) && HOST.is(m.right))) &&
      m.levels[0] > m.levels[2] + 15 && m.levels[1] > m.levels[2] + 15,
  );
  say("channel", whole);
  await mix.close();

  // The host's tab reloads: those who watch see the host again.
  const before = await watch.locator(tileOf(HOST)).getAttribute("data-participant");
  await watch.evaluate((selector) => {
    window.longest = 0;
    let last = performance.now();
    let stream, frames;
    setInterval(() => {
      const video = document.querySelector(selector);
      if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      const { totalVideoFrames } = video.getVideoPlaybackQuality();
      if (video.srcObject === stream && totalVideoFrames === frames) return;
      [stream, frames] = [video.srcObject, totalVideoFrames];
      window.longest = Math.max(window.longest, performance.now() - last);
      last = performance.now();
    }, 50);
  }, video(HOST));
  await studio.reload();
  await meets(studio, HOST, false);
  await meets(watch, HOST);
  await meets(studio, GUEST);
  say("reloaded", {
    secondsWithoutPicture: (await watch.evaluate(() => window.longest)) / 1000,
    sameParticipant: before === (await watch.locator(tileOf(HOST)).getAttribute("data-participant")),
  });

  // Somebody comes late.
  const late = await viewer.newPage();
  await late.addInitScript((selector) => {
    const look = setInterval(() => {
      const video = document.querySelector(selector);
      if (video) window.tileAt ??= performance.now();
      if (!(video?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.videoWidth > 0)) return;
      window.pictureAt = performance.now();
      clearInterval(look);
    }, 20);
  }, video(HOST));
  await late.goto(`${url}/c/${HOST.name}/realtime`);
  await meets(late, HOST, false);
  say("late", await late.evaluate(() => ({ msUntilTile: window.tileAt, msUntilPicture: window.pictureAt })));
  await late.close();

  // The host removes the guest, who is told, and cannot return with that token.
  await studio.getByRole("button", { name: `Remove ${GUEST.name}`, exact: true }).click();
  await studio.getByRole("button", { name: "Remove", exact: true }).click();
  await channel.getByText("You were removed from the stage").waitFor();
  await watch.locator(tileOf(GUEST)).waitFor({ state: "detached" });
  await meets(watch, HOST);
  await channel.reload();
  await channel.getByText("You were removed from the stage").waitFor();
  const refused = await channel.evaluate(async (token) => {
    const peer = new RTCPeerConnection();
    peer.addTransceiver("audio", { direction: "sendonly" });
    peer.addTransceiver("video", { direction: "sendonly" });
    await peer.setLocalDescription();
    const answer = await fetch("/whip", {
      method: "POST",
      headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
      body: peer.localDescription.sdp,
    });
    return { status: answer.status, code: (await answer.json()).code };
  }, token);
  assert.deepEqual(refused, { status: 403, code: "PARTICIPANT_DISCONNECTED" });
  say("removed", refused);

  // The host's browser dies: viewers are not told something false for long.
  const died = performance.now();
  await hostBrowser.close();
  await watch.locator('.player[data-state="off"]').waitFor();
  say("crashed", { seconds: since(died) });
});
