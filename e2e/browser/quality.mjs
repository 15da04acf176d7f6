// How good the network is for streams, as the open client library (web/client) tells.
//   node quality.mjs
// The tokens are in HOST and GUEST. Steps said: good {stats}; after the cue "lossy": done.
import assert from "node:assert/strict";
import { serve } from "./library.mjs";
import { cue, launch, person, play, say, until } from "./stage.mjs";

/** Runs in the page: joins; `window.streams` are the streams by type, ours or those of the other. */
async function join({ token, publish }) {
  const { LocalStageStream, NetworkQuality, Stage, StageEvents, SubscribeType } = await import("/client.js");
  window.NetworkQuality = NetworkQuality;
  window.streams = {};
  let own = [];
  if (publish) {
    const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 320, height: 180 } });
    own = media.getTracks().map((track) => new LocalStageStream(track, track.kind === "video" ? { maxVideoBitrateKbps: 300 } : {}));
    for (const stream of own) window.streams[stream.streamType] = stream;
  }
  const stage = new Stage(token, {
    stageStreamsToPublish: () => own,
    shouldPublishParticipant: () => publish,
    shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
  });
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
    if (participant.isLocal) return;
    for (const stream of streams) window.streams[stream.streamType] = stream;
    const video = document.body.appendChild(document.createElement("video"));
    Object.assign(video, { autoplay: true, muted: true, srcObject: new MediaStream(streams.map((s) => s.mediaStreamTrack)) });
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
    const open = async (name, token, publish) => {
      const page = await (await person(name, browser)).newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}`);
      await page.evaluate(join, { token, publish });
      return page;
    };
    const host = await open("host", process.env.HOST, true);
    const guest = await open("guest", process.env.GUEST, false);
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
