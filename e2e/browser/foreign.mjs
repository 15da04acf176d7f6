// WHIP and WHEP clients that others wrote, in Chromium, on a page of another origin.
//   node foreign.mjs publish <whip-whep|eyevinn> <endpoint>      the token is in TOKEN; says publishing, ends at the cue "stop"
//   node foreign.mjs view <whip-whep|eyevinn|plain> <endpoint>   says viewing {seen, sound}; at the cue "measure" it says
//     measured {how ten seconds went}, and at "look" looked {the picture's mean colour, the strongest tone}; ends at the cue "stop"
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { colour, moving, nextCue, person, play, say, tone, until } from "./stage.mjs";

const [task, client, endpoint] = process.argv.slice(2);
const root = new URL("../node_modules/", import.meta.url).pathname;

/** Packages for Node as one script for the page: each file a function, require a lookup. */
function pack(entry) {
  const files = new Map();
  const add = (path) => {
    if (files.has(path)) return;
    const text = readFileSync(path, "utf8");
    files.set(path, { text, needs: {} });
    const from = createRequire(path);
    for (const [, name] of text.matchAll(/require\(["']([^"']+)["']\)/g)) {
      // A slash at the end asks for the package of that name, not for what Node has built in; a page has none of that.
      let found = null;
      try {
        found = from.resolve(isBuiltin(name) ? `${name}/` : name);
      } catch (error) {
        if (!isBuiltin(name)) throw error;
      }
      files.get(path).needs[name] = found;
      if (found) add(found);
    }
  };
  add(entry);
  const all = [...files].map(
    ([path, { text, needs }]) => `${JSON.stringify(path)}: [${JSON.stringify(needs)}, function (module, exports, require) {${text}\n}]`,
  );
  return `const files = {${all.join(",\n")}}; const done = {};
    const load = (path) => {
      if (path === null) return {};
      if (done[path]) return done[path].exports;
      const [needs, run] = files[path], module = (done[path] = { exports: {} });
      run(module, module.exports, (name) => load(needs[name]));
      return module.exports;
    };
    export default load(${JSON.stringify(entry)});`;
}

const scripts = {
  "/whip.js": () => readFileSync(`${root}whip-whep/whip.js`, "utf8"),
  "/whep.js": () => readFileSync(`${root}whip-whep/whep.js`, "utf8"),
  "/eyevinn-whip.js": () => pack(`${root}@eyevinn/whip-web-client/dist/whip-client.js`),
  "/eyevinn-player.js": () => pack(`${root}@eyevinn/webrtc-player/dist/main.js`),
};
const server = createServer((request, response) => {
  const script = scripts[request.url];
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ? script() : "<!doctype html><title>foreign</title><video autoplay playsinline></video>");
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

/** With SOUND=repair the clients ask for lost sound again, as web/client does; browsers do not by themselves. */
const repair = process.env.SOUND === "repair";

/** These run in the page. */
const roles = {
  publish: {
    "whip-whep": async ({ endpoint, token, repair }) => {
      const { WHIPClient } = await import("/whip.js");
      const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
      for (const track of stream.getTracks()) peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
      window.client = new WHIPClient();
      if (repair) window.client.onOffer = (sdp) => sdp.replace(/a=rtpmap:(\d+) opus.*\r\n/, "$&a=rtcp-fb:$1 nack\r\n");
      await window.client.publish(peer, endpoint, token);
      window.stop = () => window.client.stop();
    },
    eyevinn: async ({ endpoint, token }) => {
      const { WHIPClient } = (await import("/eyevinn-whip.js")).default;
      window.client = new WHIPClient({ endpoint, opts: { authkey: token } });
      await window.client.setIceServersFromEndpoint();
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
      await window.client.ingest(stream);
      window.peer = window.client.peer;
      window.stop = () => window.client.destroy();
    },
  },
  view: {
    plain: async ({ endpoint, token, repair }) => {
      const peer = (window.peer = new RTCPeerConnection());
      peer.addTransceiver("audio", { direction: "recvonly" });
      peer.addTransceiver("video", { direction: "recvonly" });
      const stream = (document.querySelector("video").srcObject = new MediaStream());
      peer.ontrack = ({ track }) => stream.addTrack(track);
      const offer = await peer.createOffer();
      if (repair) offer.sdp = offer.sdp.replace(/a=rtpmap:(\d+) opus.*\r\n/, "$&a=rtcp-fb:$1 nack\r\n");
      await peer.setLocalDescription(offer);
      const answer = await fetch(endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${token}` },
        body: peer.localDescription.sdp,
      });
      if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
      await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
      const session = answer.headers.get("location");
      window.stop = async () => {
        await fetch(session, { method: "DELETE" });
        peer.close();
      };
    },
    "whip-whep": async ({ endpoint, token }) => {
      const { WHEPClient } = await import("/whep.js");
      const peer = (window.peer = new RTCPeerConnection({ bundlePolicy: "max-bundle" }));
      peer.addTransceiver("audio", { direction: "recvonly" });
      peer.addTransceiver("video", { direction: "recvonly" });
      const stream = (document.querySelector("video").srcObject = new MediaStream());
      peer.ontrack = ({ track }) => stream.addTrack(track);
      window.client = new WHEPClient();
      await window.client.view(peer, endpoint, token);
      window.stop = () => window.client.stop();
    },
    eyevinn: async ({ endpoint, token }) => {
      const { WebRTCPlayer } = (await import("/eyevinn-player.js")).default;
      const peers = [];
      const Real = RTCPeerConnection;
      window.RTCPeerConnection = class extends Real {
        constructor(...args) {
          super(...args);
          peers.push(this);
        }
      };
      window.client = new WebRTCPlayer({ video: document.querySelector("video"), type: "whep" });
      await window.client.load(new URL(endpoint), `Bearer ${token}`); // it sends what it is given
      window.peer = peers.at(-1);
      window.stop = () => window.client.unload();
    },
  },
};

/** Bytes of sound and their loudness, of the page's peer connection. */
const sound = (page) =>
  page.evaluate(async () => {
    for (const s of (await window.peer.getStats()).values()) {
      if (s.type === "inbound-rtp" && s.kind === "audio") return { bytes: s.bytesReceived, energy: s.totalAudioEnergy };
    }
    return null;
  });

/** What the viewer has received and shown so far. */
const received = (page) =>
  page.evaluate(async () => {
    const sum = {};
    for (const s of (await window.peer.getStats()).values()) if (s.type === "inbound-rtp") sum[s.kind] = s;
    return sum;
  });

/** How ten seconds went: seconds frozen, the longest freeze, frames shown, and the share of sound that was made up. */
async function measure(page) {
  const before = await received(page);
  let longest = 0;
  let frozen = before.video.totalFreezesDuration;
  for (let i = 0; i < 50; i++) {
    await new Promise((done) => setTimeout(done, 200));
    const { video } = await received(page);
    // A freeze is told when it is over; one interval holds at most one that counts here.
    longest = Math.max(longest, video.totalFreezesDuration - frozen);
    frozen = video.totalFreezesDuration;
  }
  const after = await received(page);
  const gained = (kind, name) => after[kind][name] - before[kind][name];
  return {
    longestFreeze: longest,
    frozen: gained("video", "totalFreezesDuration"),
    frames: gained("video", "framesDecoded"),
    lostVideo: gained("video", "packetsLost"),
    nacks: gained("video", "nackCount"),
    plis: gained("video", "pliCount"),
    packets: gained("video", "packetsReceived"),
    lostAudio: gained("audio", "packetsLost"),
    madeUp: gained("audio", "concealedSamples") / gained("audio", "totalSamplesReceived"),
    silentlyMadeUp: gained("audio", "silentConcealedSamples") / gained("audio", "totalSamplesReceived"),
  };
}

await play(async () => {
  const page = await (await person(client)).newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.evaluate(roles[task][client], { endpoint, token: process.env.TOKEN, repair });
  if (task === "publish") {
    await until("connected", () => page.evaluate(() => window.peer.connectionState), (state) => state === "connected");
    say("publishing");
  } else {
    const seen = await moving(page);
    const heard = await until("sound", () => sound(page), (s) => s && s.bytes > 1000 && s.energy > 0);
    say("viewing", { seen, heard });
  }
  for (let said; (said = await nextCue()) !== "stop"; ) {
    if (said === "look") {
      const heard = await until("a tone", () => tone(page, "video"), (t) => t && t.level > -60);
      say("looked", { colour: await colour(page, "video"), hz: heard.hz });
      continue;
    }
    if (said !== "measure") throw new Error(`the test says ${said}`);
    say("measured", await measure(page));
  }
  await page.evaluate(() => window.stop());
  server.close();
  server.closeAllConnections();
});
