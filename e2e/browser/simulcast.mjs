// Publishes a camera to a channel in several sizes, by the open client library.
//   node simulcast.mjs <whip endpoint> <stream key>
// Steps said: live; and after the cue "enough": done.
import { serve } from "./library.mjs";
import { cue, launch, person, play, say } from "./stage.mjs";

const [endpoint, token] = process.argv.slice(2);

await play(async () => {
  const server = await serve("whip");
  try {
    const page = await (await person("host", await launch())).newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}`);
    await page.evaluate(
      async ({ endpoint, token }) => {
        const { WhipPublisher } = await import("/client.js");
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: { exact: 1280 }, height: { exact: 720 } } });
        window.publisher = new WhipPublisher({ endpoint, token, stream, simulcast: true, maxVideoBitrateKbps: 3000 });
        await window.publisher.start();
      },
      { endpoint, token },
    );
    say("live");
    await cue("enough");
    await page.evaluate(() => window.publisher.stop());
  } finally {
    server.close();
  }
});
