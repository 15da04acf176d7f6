// Watches everybody on a stage by the open client library, and counts what connections that takes. Each publisher is
// named by the colour that it shows.
//   TOKEN=<participant token> node slots.mjs
// Steps said: three, and after the cue "left" gone, after "came" four, each {connections, descriptions}; done.
import { open, serve } from "./library.mjs";
import { colour, cue, launch, play, say, until } from "./stage.mjs";

const COLOURS = {
  red: ([r, g, b]) => r > g + 60 && r > b + 60,
  green: ([r, g, b]) => g > r + 40 && g > b + 40,
  blue: ([r, g, b]) => b > r + 60 && b > g + 60,
  white: (c) => Math.min(...c) > 180,
};

/** Waits until somebody's own picture is shown, and goes on. */
async function shows(page, name) {
  await until(`the picture of ${name}`, () => colour(page, `#${name}`), (c) => c && COLOURS[name](c));
  const pictures = () => page.evaluate((name) => document.getElementById(name)?.getVideoPlaybackQuality().totalVideoFrames ?? 0, name);
  const before = await pictures();
  await until(`more pictures of ${name}`, pictures, (n) => n > before + 5);
}

const counts = (page) => page.evaluate(() => ({ connections: window.made.length, descriptions: window.made.reduce((sum, pc) => sum + pc.answers, 0) }));

await play(async () => {
  const server = await serve("index");
  try {
    const page = await open(server, await launch(), "guest");
    await page.evaluate(async (token) => {
      window.made = [];
      const Real = RTCPeerConnection;
      window.RTCPeerConnection = class extends Real {
        answers = 0;
        constructor(...all) {
          super(...all);
          window.made.push(this);
        }
        setRemoteDescription(...all) {
          this.answers += 1;
          return super.setRemoteDescription(...all);
        }
      };
      const { StageEvents } = await import("/client.js");
      const { show, stageOf } = await import("/page.js");
      const stage = stageOf(token);
      stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, show);
      stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, (participant) => document.getElementById(participant.userId)?.remove());
      window.stage = stage;
      await stage.join();
    }, process.env.TOKEN);
    for (const name of ["red", "green", "blue"]) await shows(page, name);
    say("three", await counts(page));
    await cue("left");
    await page.locator("#red").waitFor({ state: "detached" });
    for (const name of ["green", "blue"]) await shows(page, name);
    say("gone", await counts(page));
    await cue("came");
    for (const name of ["green", "blue", "white"]) await shows(page, name);
    say("four", await counts(page));
    await cue("enough");
    await page.evaluate(() => window.stage.leave());
  } finally {
    server.close();
  }
});
