// How good the network is for streams, as the open client library (web/client) tells.
//   node quality.mjs
// The tokens are in HOST and GUEST. Steps said: good {stats}; after the cue "lossy": done.
import assert from "node:assert/strict";
import { open, serve } from "./library.mjs";
import { cue, launch, play, say, until } from "./stage.mjs";

/** Runs in the page: joins; `window.streams` are the streams by type, ours or those of the other. */
async function join({ token, publish }) {
  const { LocalStageStream, NetworkQuality, StageEvents } = await import("/client.js");
  const { devices, show, stageOf } = await import("/page.js");
  const settings = { audio: {}, video: { maxVideoBitrateKbps: 300 } };
  const own = (publish ? await devices() : []).map((track) => new LocalStageStream(track, settings[track.kind]));
  window.NetworkQuality = NetworkQuality;
  window.streams = Object.fromEntries(own.map((stream) => [stream.streamType, stream]));
  const stage = stageOf(token, own);
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
    if (participant.isLocal) return;
    for (const stream of streams) window.streams[stream.streamType] = stream;
    show(participant, streams);
  });
  await stage.join();
}

/** What the streams of a page tell, by their types; of ours the first encoding. */
const stats = (page) =>
  page.evaluate(async () => {
    const told = {};
    for (const [type, stream] of Object.entries(window.streams)) told[type] = [await stream.requestQualityStats()].flat()[0];
    return told;
  });

/** Waits until sound and pictures of a page are of a quality, and tell all that they should. */
const quality = (page, what, right, names = { audio: [], video: [] }) =>
  until(what, () => stats(page), (told) =>
    ["audio", "video"].every((type) => {
      const one = told[type];
      return one?.networkQuality !== undefined && right(one.networkQuality) && names[type].every((name) => one[name] > 0) &&
        ["packetsLost", "roundTripTime", "jitter"].every((name) => typeof one[name] === "number");
    }),
  );

await play(async () => {
  const server = await serve("index");
  try {
    const browser = await launch();
    const host = await open(server, browser, "host");
    await host.evaluate(join, { token: process.env.HOST, publish: true });
    const guest = await open(server, browser, "guest");
    await guest.evaluate(join, { token: process.env.GUEST, publish: false });
    const { EXCELLENT, NORMAL, GOOD, POOR, DOWN } = await host.evaluate(() => window.NetworkQuality);
    assert.deepEqual([DOWN, POOR, NORMAL, GOOD, EXCELLENT], [0, 1, 2, 3, 4]);

    const sent = await quality(host, "a way out that will do", (q) => q >= NORMAL, {
      audio: ["ssrc", "packetsSent", "bytesSent"],
      video: ["ssrc", "packetsSent", "bytesSent", "framesEncoded", "frameWidth", "frameHeight"],
    });
    const received = await quality(guest, "a way in that will do", (q) => q >= NORMAL, {
      audio: ["ssrc", "packetsReceived", "bytesReceived", "totalSamplesReceived"],
      video: ["ssrc", "packetsReceived", "bytesReceived", "framesDecoded", "frameWidth", "frameHeight"],
    });

    // The browser's own words, for whoever wants to judge otherwise.
    for (const [page, type] of [[host, "outbound-rtp"], [guest, "inbound-rtp"]]) {
      const kinds = await page.evaluate(async () => {
        const reports = await Promise.all(Object.values(window.streams).map((stream) => stream.requestRTCStats()));
        return reports.map((report) => [...(report?.values() ?? [])].map((one) => one.type));
      });
      assert.equal(kinds.length, 2);
      for (const types of kinds) assert.ok(types.includes(type), `${type} in ${types}`);
    }
    say("good", { sent, received });

    await cue("lossy");
    await Promise.all([quality(host, "a poor way out", (q) => q <= POOR), quality(guest, "a poor way in", (q) => q <= POOR)]);
  } finally {
    server.close();
  }
});
