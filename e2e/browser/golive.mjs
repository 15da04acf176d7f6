// Solo broadcast from the tab: camera, then a screen (Chromium's fake one is green) with the camera in an inset, then the end.
//   node golive.mjs <url> <y4m> <wav>
// Steps said: live {…}, sharing {…}, ended.
import { colour, launch, person, play, playerBadge, say, until } from "./stage.mjs";

const [url, video, audio] = process.argv.slice(2);

/** The mean colour of a part of a video, given in hundredths of its size. */
const part = (page, selector, [x, y, w, h]) =>
  page.evaluate(
    ([selector, x, y, w, h]) => {
      const video = document.querySelector(selector);
      if (!video || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return null;
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [8, 8];
      const paper = canvas.getContext("2d");
      const [W, H] = [video.videoWidth / 100, video.videoHeight / 100];
      paper.drawImage(video, x * W, y * H, w * W, h * H, 0, 0, 8, 8);
      const { data } = paper.getImageData(0, 0, 8, 8);
      const sum = [0, 0, 0];
      for (let i = 0; i < data.length; i++) if (i % 4 < 3) sum[i % 4] += data[i];
      return sum.map((n) => Math.round((n * 4) / data.length));
    },
    [selector, x, y, w, h],
  );

const red = ([r, g, b]) => r > g + 60 && r > b + 60;
const green = ([r, g, b]) => g > r + 60 && g > b + 60;

await play(async () => {
  const browser = await launch({ video, audio });
  const host = await person("host", browser);
  const page = await host.newPage();
  await page.goto(`${url}/register`);
  await page.getByLabel("Username").fill("Solo");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await page.getByRole("button", { name: "Create channel" }).click();
  await page.waitForURL("**/dashboard");
  await page.goto(`${url}/golive`);

  const watch = await (await person("viewer")).newPage();
  await watch.goto(`${url}/c/Solo`);
  await watch.getByText("is off air").waitFor();

  await page.getByRole("button", { name: "Go live" }).click();
  await playerBadge(watch).waitFor(); // by itself
  const seen = await until("the camera on the channel", () => colour(watch, ".player video"), (c) => c && red(c));
  const sound = await watch.evaluate(() => document.querySelector(".player video").captureStream().getAudioTracks().length);
  say("live", { seen, sound });

  await page.getByRole("button", { name: "Share screen" }).click();
  const screen = await until("the screen on the channel", () => part(watch, ".player video", [5, 40, 30, 50]), (c) => c && green(c));
  const inset = await until(
    "the camera in a corner",
    async () => Promise.all([[70, 70, 25, 25], [70, 5, 25, 25], [5, 70, 25, 25]].map((where) => part(watch, ".player video", where))),
    (corners) => corners.some((c) => c && red(c)),
  );
  await page.getByRole("button", { name: "Stop sharing" }).click();
  await until("the camera again", () => colour(watch, ".player video"), (c) => c && red(c));
  say("sharing", { screen, inset });

  await page.getByRole("button", { name: "End broadcast" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End broadcast" }).click();
  await watch.getByText("is off air").waitFor();
  await page.getByRole("button", { name: "Go live" }).waitFor();
  say("ended");
});
