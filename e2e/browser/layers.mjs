// A picture published in several sizes, watched over a line that closes and opens again.
//   node layers.mjs <whip endpoint> <watching endpoint> <port of the line> <camera> <width> <height>
// The tokens are in HOST and GUEST. Steps said: wide {rate}, in kbit/s; after the cue "closed": narrow {seconds, width, frozen}; after the
// cue "open": wideAgain {seconds, frozen}; after the cue "enough": done. frozen is the longest time without a new picture, in seconds.
import { serve } from "./library.mjs";
import { cue, launch, person, play, say, until } from "./stage.mjs";

const [endpoint, watching, port, video, width, height] = process.argv.slice(2);
const full = Number(width);

/** Runs in the page: watches by the line, which stands where the server says it is, and notes how pictures come. */
async function watch({ watching, token, port }) {
  const pc = (window.pc = new RTCPeerConnection());
  const picture = (window.picture = document.createElement("video"));
  picture.autoplay = picture.muted = true;
  picture.srcObject = new MediaStream();
  pc.ontrack = ({ track }) => picture.srcObject.addTrack(track);
  pc.addTransceiver("audio", { direction: "recvonly" });
  pc.addTransceiver("video", { direction: "recvonly" });
  await pc.setLocalDescription();
  await new Promise((done) => (pc.iceGatheringState === "complete" ? done() : (pc.onicegatheringstatechange = () => pc.iceGatheringState === "complete" && done())));
  const headers = { "content-type": "application/sdp", authorization: `Bearer ${token}` };
  const response = await fetch(watching, { method: "POST", headers, body: pc.localDescription.sdp });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  const sdp = (await response.text())
    .replace(/a=candidate:.* tcp .*\r\n/gi, "")
    .replace(/(a=candidate:\S+ 1 udp \d+) \S+ \d+ /gi, `$1 127.0.0.1 ${port} `);
  await pc.setRemoteDescription({ type: "answer", sdp });
  // The longest time between two pictures that were decoded.
  window.frozen = 0;
  let last = performance.now();
  let shown = 0;
  setInterval(async () => {
    const now = await window.stats();
    if (now.framesDecoded > shown) {
      shown = now.framesDecoded;
      last = performance.now();
    } else if (shown > 0) {
      window.frozen = Math.max(window.frozen, (performance.now() - last) / 1000);
    }
  }, 50);
  window.stats = async () => [...(await pc.getStats()).values()].find(({ type, kind }) => type === "inbound-rtp" && kind === "video") ?? {};
}

await play(async () => {
  const server = await serve("whip");
  try {
    const at = `http://127.0.0.1:${server.address().port}`;
    const host = await (await person("host", await launch({ video }))).newPage();
    await host.goto(at);
    await host.evaluate(
      async ({ endpoint, token, width, height }) => {
        const { WhipPublisher } = await import("/client.js");
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: { exact: width }, height: { exact: height } } });
        window.publisher = new WhipPublisher({ endpoint, token, stream, simulcast: true, maxVideoBitrateKbps: 2500 });
        await window.publisher.start();
      },
      { endpoint, token: process.env.HOST, width: full, height: Number(height) },
    );
    const guest = await (await person("guest", await launch())).newPage();
    await guest.goto(at);
    await guest.evaluate(watch, { watching, token: process.env.GUEST, port });
    const stats = () => guest.evaluate(() => window.stats());
    const pictures = async () => (await stats()).framesDecoded ?? 0;
    const reach = async (what, right) => {
      const began = performance.now();
      await guest.evaluate(() => (window.frozen = 0));
      const { frameWidth } = await until(what, stats, ({ frameWidth }) => frameWidth && right(frameWidth));
      const seconds = (performance.now() - began) / 1000;
      const now = await pictures();
      await until("more pictures", pictures, (count) => count > now + 20);
      return { seconds, width: frameWidth, frozen: await guest.evaluate(() => window.frozen) };
    };
    await reach("the whole size", (width) => width === full);
    say("wide");
    await cue("closed");
    say("narrow", await reach("a smaller size", (width) => width < full));
    await cue("open");
    say("wideAgain", await reach("the whole size again", (width) => width === full));
    await cue("enough");
  } finally {
    server.close();
  }
});
