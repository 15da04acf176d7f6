// Several people watched by the open client library over one connection, on a line that closes and opens again.
//   TOKEN=<participant token> node rank.mjs <how many>
// Steps said: wide; after the cue "closed" narrow, after "open" wideAgain, each {seconds, widths, frozen}; after "enough" done. widths are
// those of the pictures, frozen the longest times without a new one, in seconds, in the order in which the client wants them.
import { open, serve } from "./library.mjs";
import { cue, launch, play, say, until } from "./stage.mjs";

const many = Number(process.argv[2]);
const [SMALL, WHOLE] = [160, 640];

/** Runs in the page: joins, and notes how pictures come. */
async function join(token) {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    const { type, payload } = JSON.parse(text);
    if (type === "SUBSCRIBE") window.wanted = payload.participants.map((one) => one.participantId);
    return send.call(this, text);
  };
  const { StageEvents } = await import("/client.js");
  const { show, stageOf } = await import("/page.js");
  const seen = new Map(); // by participant
  const stage = stageOf(token);
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
    show(participant, streams);
    const stream = streams.find(({ streamType }) => streamType === "video");
    if (stream) seen.set(participant.id, { stream, pictures: 0, width: 0, last: performance.now(), frozen: 0 });
  });
  window.look = () =>
    (window.wanted ?? []).flatMap((id) => {
      const one = seen.get(id);
      return one ? [{ pictures: one.pictures, width: one.width, frozen: one.frozen }] : [];
    });
  window.begin = () => seen.forEach((one) => (one.frozen = 0));
  setInterval(async () => {
    for (const one of seen.values()) {
      const { framesDecoded = 0, frameWidth = 0 } = (await one.stream.requestQualityStats()) ?? {};
      const now = performance.now();
      if (one.pictures > 0) one.frozen = Math.max(one.frozen, (now - one.last) / 1000);
      if (framesDecoded > one.pictures) Object.assign(one, { pictures: framesDecoded, width: frameWidth, last: now });
    }
  }, 100);
  await stage.join();
}

await play(async () => {
  const server = await serve("index");
  try {
    const page = await open(server, await launch(), "guest");
    await page.evaluate(join, process.env.TOKEN);
    const look = () => page.evaluate(() => window.look());
    const reach = async (what, right) => {
      const began = performance.now();
      await page.evaluate(() => window.begin());
      const found = await until(what, look, (all) => all.length === many && right(all.map(({ width }) => width)));
      const seconds = (performance.now() - began) / 1000;
      const after = await until("more of all pictures", look, (all) => all.every(({ pictures }, i) => pictures > found[i].pictures + 60));
      return { seconds, widths: found.map(({ width }) => width), frozen: after.map(({ frozen }) => frozen) };
    };
    const whole = (widths) => widths.every((width) => width === WHOLE);
    const ranked = (widths) => widths.every((width, i) => i === 0 || width <= widths[i - 1]) && widths[0] > SMALL && widths.at(-1) === SMALL;
    await reach("all as large as they are", whole);
    say("wide");
    await cue("closed");
    say("narrow", await reach("the last the smallest, the first larger", ranked));
    await cue("open");
    say("wideAgain", await reach("all as large as they are, again", whole));
    await cue("enough");
  } finally {
    server.close();
  }
});
