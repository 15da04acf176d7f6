// Two on a stage by the open client library, where the direct way leads nowhere: it finds the relay by itself, once for
// both, as they are on one page.
//   node relayed.mjs <host's token> <guest's token>
// Steps said: seen {candidates: of the guest's connections}; done.
import { serve } from "./library.mjs";
import { launch, person, play, say, until } from "./stage.mjs";

const [host, guest] = process.argv.slice(2);

const join = (page, token, publish) =>
  page.evaluate(
    async ({ token, publish }) => {
      const { LocalStageStream, Stage, StageEvents, SubscribeType } = await import("/client.js");
      let local = [];
      if (publish) {
        const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 360 } });
        local = media.getTracks().map((track) => new LocalStageStream(track));
      }
      window.remote = [];
      const stage = new Stage(token, {
        stageStreamsToPublish: () => local,
        shouldPublishParticipant: () => publish,
        shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
      });
      stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
        if (!participant.isLocal) window.remote = streams;
      });
      await stage.join();
    },
    { token, publish },
  );

await play(async () => {
  const server = await serve("index");
  try {
    const page = await (await person("both", await launch())).newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}`);
    await join(page, host, true);
    await join(page, guest, false);
    const candidates = await until(
      "pictures of the host",
      () =>
        page.evaluate(async () => {
          for (const stream of window.remote) {
            const stats = [...((await stream.requestRTCStats())?.values() ?? [])];
            if (!stats.some((s) => s.type === "inbound-rtp" && s.kind === "video" && s.framesDecoded > 10)) continue;
            const pair = stats.find((s) => s.type === "candidate-pair" && s.nominated);
            const at = (id) => stats.find((s) => s.id === id);
            return [at(pair?.localCandidateId)?.candidateType, at(pair?.remoteCandidateId)?.address];
          }
          return null;
        }),
      Boolean,
    );
    say("seen", { candidates });
  } finally {
    server.close();
  }
});
