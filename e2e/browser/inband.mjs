// A picture in three sizes that carries messages, by the open client library (web/client), and who receives them.
//   node inband.mjs
// The tokens are in HOST and GUEST. Steps said: sizes {rids, reported, seen}; done.
import assert from "node:assert/strict";
import { serve } from "./library.mjs";
import { launch, person, play, say, until } from "./stage.mjs";

/** Bytes that look like start codes, and such as need no escape. */
const WORDS = [[0, 0, 0, 1, 0, 0, 3, 0, 0, 0], [...new TextEncoder().encode("Grüße ✂")], Array.from({ length: 1023 }, (_, i) => (i % 7 ? 0 : i % 256))];

/** Runs in the page: publishes a picture in three sizes. */
async function publish(token) {
  const { LocalStageStream, LocalStageStreamEvents, SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT, SimulcastLayerPresets, Stage, StageEvents, SubscribeType } =
    await import("/client.js");
  const peers = [];
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = function (configuration) {
    const pc = new Peer(configuration);
    peers.push(pc);
    return pc;
  };
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: { exact: 1280 }, height: { exact: 720 } } });
  const [track] = media.getVideoTracks();
  const { DEFAULT_720, DEFAULT_360, DEFAULT_180 } = SimulcastLayerPresets;
  const layers = [DEFAULT_720, DEFAULT_360, DEFAULT_180].map((layer) => ({ ...layer, maxFramerate: 15 }));
  // A smaller picture is not scaled up.
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  const [small] = canvas.captureStream().getVideoTracks();
  try {
    new LocalStageStream(small, { simulcast: { enabled: true, layers } });
  } catch (error) {
    window.refused = { name: error.name, right: error.code === SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT.code, size: small.getSettings().width };
  }
  const stream = new LocalStageStream(track, { simulcast: { enabled: true, layers }, inBandMessaging: { enabled: true } });
  window.asked = [];
  stream.on(LocalStageStreamEvents.LOCAL_STREAM_INSERT_SEI_MSG_REQUEST, ({ uuid, payload }, { repeatCount }) =>
    window.asked.push({ uuid: [...new Uint8Array(uuid)], payload: [...new Uint8Array(payload)], repeatCount }),
  );
  const stage = new Stage(token, {
    stageStreamsToPublish: () => [stream],
    shouldPublishParticipant: () => true,
    shouldSubscribeToParticipant: () => SubscribeType.NONE,
  });
  stage.on(StageEvents.ERROR, (error) => reportError(error));
  await stage.join();
  window.insert = (bytes, options) => stream.insertSeiMessage(Uint8Array.from(bytes).buffer, options);
  window.sizes = async () => {
    const stats = [...((await stream.requestRTCStats())?.values() ?? [])];
    const sent = stats.filter(({ type }) => type === "outbound-rtp");
    const told = new Map(stats.filter(({ type }) => type === "remote-inbound-rtp").map((one) => [one.ssrc, one]));
    const accepted = /^a=simulcast:recv (\S+)/m.exec(peers.at(-1)?.remoteDescription?.sdp ?? "")?.[1];
    return {
      accepted,
      rids: Object.fromEntries(sent.map(({ rid, frameWidth, frameHeight, framesSent, ssrc }) => [rid, { frameWidth, frameHeight, framesSent, reported: told.has(ssrc) }])),
    };
  };
}

/** Runs in the page: watches and listens. */
async function watch(token) {
  const { Stage, StageEvents, SubscribeType } = await import("/client.js");
  window.heard = [];
  const video = document.body.appendChild(document.createElement("video"));
  Object.assign(video, { autoplay: true, muted: true });
  const stage = new Stage(token, {
    stageStreamsToPublish: () => [],
    shouldPublishParticipant: () => false,
    shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
    subscribeConfiguration: () => ({ inBandMessaging: { enabled: true } }),
  });
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (_, streams) => {
    video.srcObject = new MediaStream(streams.map((stream) => stream.mediaStreamTrack));
  });
  stage.on(StageEvents.STAGE_STREAM_SEI_MESSAGE_RECEIVED, ({ userId }, { uuid, payload }) =>
    window.heard.push({ userId, uuid: [...new Uint8Array(uuid)], payload: [...new Uint8Array(payload)] }),
  );
  await stage.join();
  window.width = () => video.videoWidth;
  window.decoded = () => video.getVideoPlaybackQuality().totalVideoFrames;
}

await play(async () => {
  const server = await serve("index");
  try {
    const browser = await launch();
    const open = async (name, run, token) => {
      const page = await (await person(name, browser)).newPage();
      await page.goto(`http://127.0.0.1:${server.address().port}`);
      await page.evaluate(run, token);
      return page;
    };
    const host = await open("host", publish, process.env.HOST);
    const guest = await open("guest", watch, process.env.GUEST);
    assert.deepEqual(await host.evaluate(() => window.refused), { name: "SIMULCAST_LAYER_INPUT_RESOLUTION_INSUFFICIENT", right: true, size: 320 });

    // All three go out, in the sizes that were asked for, and the server says that it receives each.
    const sizes = { q: [320, 180], h: [640, 360], f: [1280, 720] };
    const { accepted, rids } = await until("three sizes", () => host.evaluate(() => window.sizes()), ({ rids }) =>
      Object.entries(sizes).every(([rid, [width, height]]) => {
        const one = rids[rid];
        return one?.reported && one.framesSent > 10 && one.frameWidth === width && one.frameHeight === height;
      }),
    );
    assert.equal(accepted, "q;h;f");
    const before = await until("pictures", () => guest.evaluate(() => window.decoded()), (count) => count > 10);
    say("sizes", { rids });

    // Each message arrives as it was, under its own name, and again in the pictures after the first. While the guest gets one size:
    // where that changes, one picture more or less may come, so that it is asked for anew.
    await until("the largest size", () => guest.evaluate(() => window.width()), (width) => width === 1280);
    const repeats = [3, 0, 2];
    for (const [i, payload] of WORDS.entries()) {
      let times = 0;
      for (let turn = 0; turn < 5 && times !== repeats[i] + 1; turn += 1) {
        await host.evaluate(({ payload, repeatCount }) => window.insert(payload, { repeatCount }), { payload, repeatCount: repeats[i] });
        const { uuid, ...asked } = (await host.evaluate(() => window.asked)).at(-1);
        assert.deepEqual(asked, { payload, repeatCount: repeats[i] });
        const came = () => guest.evaluate((uuid) => window.heard.filter((one) => `${one.uuid}` === uuid), `${uuid}`);
        const seen = await guest.evaluate(() => window.decoded());
        await until("pictures", () => guest.evaluate(() => window.decoded()), (count) => count > seen + 20);
        const heard = await came();
        times = heard.length;
        for (const one of heard) assert.deepEqual(one, { userId: "host", uuid, payload });
      }
      assert.equal(times, repeats[i] + 1);
    }
    // The pictures that carried them are pictures still.
    await until("more pictures", () => guest.evaluate(() => window.decoded()), (count) => count > before + 30);
    await assert.rejects(host.evaluate(() => window.insert([], {})), /1 to 1023 bytes/);
  } finally {
    server.close();
  }
});
