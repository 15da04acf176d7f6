// The open client library (web/client) in real browsers against a real engine: two publish, one watches.
//   node client.mjs <people as JSON>
// People: {host, guest, viewer, second, expired?}: each {token, video?, audio?} with files for camera and microphone.
// Host and guest may publish, the viewer may only subscribe, `second` is any further token of the stage, `expired` one
// past its end. The tokens' attributes hold their names: username "host", "guest", "viewer".
// Steps said: seen {pictures, ms}, muted, reloaded {ms}, reused, refused, disconnect {participant}: wants
// DisconnectParticipant and the cue "disconnected"; and restart: wants the server killed, started again and the cue
// "restarted"; back {ms}; delete: wants DeleteStage; done.
import assert from "node:assert/strict";
import { serve } from "./library.mjs";
import { colour, cue, launch, person, play, say, tone, until } from "./stage.mjs";

const people = JSON.parse(process.argv[2]);

/** Puts a stage on a page, and joins: `window.on` is what happened, `window.see()` what is seen of the others. */
const join = (page, { token, publish = true, type }) =>
  page.evaluate(
    async ({ token, publish, type }) => {
      const { LocalStageStream, Stage, StageEvents, SubscribeType } = await import("/client.js");
      window.local = [];
      if (publish) {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
        window.local = media.getTracks().map((track) => new LocalStageStream(track));
      }
      window.type = type ?? SubscribeType.AUDIO_VIDEO;
      window.told = [];
      window.people = new Map();
      const stage = new Stage(token, {
        stageStreamsToPublish: () => window.local,
        shouldPublishParticipant: () => window.local.length > 0,
        shouldSubscribeToParticipant: () => window.type,
      });
      window.stage = stage;
      for (const [name, event] of Object.entries(StageEvents)) {
        stage.on(event, (...args) => {
          const words = args.map((a) => a?.attributes?.username ?? a?.streamType ?? a?.code ?? (Array.isArray(a) ? a.map((s) => s.streamType).join("+") : a));
          window.told.push([name, ...words].join(" "));
        });
      }
      stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
        if (participant.isLocal) return;
        const name = participant.attributes.username;
        const video = document.querySelector(`#${name}`) ?? document.body.appendChild(document.createElement("video"));
        Object.assign(video, { id: name, autoplay: true, muted: true, srcObject: new MediaStream(streams.map((s) => s.mediaStreamTrack)) });
        void video.play().catch(() => {});
        window.people.set(name, { streams, since: performance.now() });
      });
      stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_REMOVED, (participant) => window.people.delete(participant.attributes.username));
      /** Frames decoded and bytes of sound received of each of the others. */
      window.see = async () => {
        const seen = {};
        for (const [name, { streams }] of window.people) {
          seen[name] = { frames: 0, sound: 0, muted: streams.filter((s) => s.isMuted).map((s) => s.streamType) };
          for (const stream of streams) {
            for (const report of (await stream.requestRTCStats())?.values() ?? []) {
              if (report.type !== "inbound-rtp") continue;
              if (report.kind === "video") seen[name].frames = report.framesDecoded;
              else seen[name].sound = report.bytesReceived;
            }
          }
        }
        return seen;
      };
      await stage.join();
    },
    { token, publish, type },
  );

const see = (page) => page.evaluate(() => window.see());
const told = (page, what) => until(what, () => page.evaluate(() => window.told), (lines) => lines.includes(what));
const refusal = (page, token) =>
  join(page, { token, publish: false }).then(
    () => "joined",
    () => page.evaluate(() => window.told.at(-1)),
  );

/** Waits until new pictures and sound of somebody come in. */
async function alive(page, name) {
  let before;
  await until(
    `pictures and sound of ${name}`,
    async () => {
      const now = (await see(page))[name];
      const news = before && now && now.frames > before.frames && now.sound > before.sound;
      before = now;
      return news;
    },
    Boolean,
  );
}

await play(async () => {
  const server = await serve("index");
  const url = `http://127.0.0.1:${server.address().port}`;
  const browsers = new Map(); // one per camera
  const open = async (name) => {
    const { video, audio } = people[name];
    const browser = browsers.get(name) ?? (await launch({ video, audio }));
    browsers.set(name, browser);
    const page = await (await person(name, browser)).newPage();
    await page.goto(url);
    return page;
  };
  try {
    const [host, guest, viewer] = await Promise.all(["host", "guest", "viewer"].map(open));
    await join(host, people.host);
    await join(guest, people.guest);
    const arrived = Date.now();
    await join(viewer, { ...people.viewer, publish: false });
    await Promise.all([alive(viewer, "host"), alive(viewer, "guest"), alive(host, "guest"), alive(guest, "host")]);
    const ms = Date.now() - arrived;
    const pictures = {};
    for (const name of ["host", "guest"]) {
      pictures[name] = { colour: await colour(viewer, `#${name}`), tone: await tone(viewer, `#${name}`) };
    }
    say("seen", { ms, pictures });

    // Muting stops the pictures and the sound, and everybody is told.
    await guest.evaluate(() => window.local.forEach((stream) => stream.setMuted(true)));
    await told(viewer, "STAGE_STREAM_MUTE_CHANGED guest video");
    await told(viewer, "STAGE_STREAM_MUTE_CHANGED guest audio");
    await told(guest, "STAGE_STREAM_MUTE_CHANGED guest video");
    assert.deepEqual((await see(viewer)).guest.muted.sort(), ["audio", "video"]);
    await until("no more pictures", async () => {
      const { frames } = (await see(viewer)).guest;
      await new Promise((done) => setTimeout(done, 700));
      return (await see(viewer)).guest.frames - frames;
    }, (frames) => frames === 0);
    await guest.evaluate(() => window.local.forEach((stream) => stream.setMuted(false)));
    await alive(viewer, "guest");
    assert.deepEqual((await see(viewer)).guest.muted, []);

    // Sound alone, and back.
    await viewer.evaluate(() => ((window.type = "audio_only"), window.stage.refreshStrategy()));
    await told(viewer, "STAGE_PARTICIPANT_STREAMS_ADDED guest audio");
    await viewer.evaluate(() => ((window.type = "audio_video"), window.stage.refreshStrategy()));
    await alive(viewer, "guest");
    await alive(viewer, "host");
    say("muted");

    // The host reloads the tab.
    const reload = Date.now();
    await host.reload();
    await join(host, people.host);
    const joined = Date.now();
    await until("the host's streams", () => viewer.evaluate(() => window.people.has("host")), Boolean);
    await alive(viewer, "host");
    say("reloaded", { ms: Date.now() - reload, joined: joined - reload, news: await viewer.evaluate(() => window.told.slice(-8)) });
    await alive(host, "guest");

    // The same token elsewhere ends the visit here.
    const again = await open("guest");
    await join(again, people.guest);
    await told(guest, "STAGE_LEFT token-reused");
    await alive(viewer, "guest");
    await told(again, "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED guest published");
    say("reused");

    // Refusals.
    const visitor = await open("viewer");
    assert.equal(await refusal(visitor, "nonsense"), "ERROR 1");
    if (people.expired) assert.equal(await refusal(visitor, people.expired.token), "ERROR 2");
    await join(visitor, people.second);
    await visitor.evaluate(() => window.stage.leave());
    await told(visitor, "STAGE_LEFT user-initiated");
    await viewer.evaluate(async () => {
      const { LocalStageStream } = await import("/client.js");
      const media = await navigator.mediaDevices.getUserMedia({ audio: true });
      window.local = media.getTracks().map((track) => new LocalStageStream(track));
      window.stage.refreshStrategy();
    });
    await told(viewer, "ERROR 8"); // it may only subscribe
    say("refused");

    const { jti } = JSON.parse(Buffer.from(people.guest.token.split(".")[1], "base64url").toString());
    say("disconnect", { participant: jti });
    await cue("disconnected");
    await told(again, "STAGE_LEFT participant-disconnected");
    await until("the guest gone", () => viewer.evaluate(() => window.people.has("guest")), (there) => !there);
    assert.equal(await refusal(again, people.guest.token), "ERROR 10");

    await viewer.evaluate(() => (window.told.length = 0));
    say("restart");
    await cue("restarted");
    const restarted = Date.now();
    await told(viewer, "STAGE_CONNECTION_STATE_CHANGED connecting");
    await until("connected again", () => viewer.evaluate(() => window.told.filter((line) => /CONNECTION_STATE/.test(line)).at(-1)), (line) => / connected$/.test(line));
    await until("the host's streams", () => viewer.evaluate(() => window.people.has("host")), Boolean);
    await alive(viewer, "host");
    say("back", { ms: Date.now() - restarted });

    say("delete");
    await told(viewer, "STAGE_LEFT stage-deleted");
    await told(host, "STAGE_LEFT stage-deleted");
    assert.equal(await refusal(viewer, people.viewer.token), "ERROR 9");
  } finally {
    server.close();
  }
});
