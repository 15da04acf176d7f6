// A participant goes on by another token, as the open client library (web/client) has it.
//   node exchange.mjs
// TOKENS has, as JSON: first and second of one participant, of which the second may only watch and has the username
// "countess"; forged, the second with another signature; other, somebody else's; viewer. Steps said: exchanged, done.
import assert from "node:assert/strict";
import { open, serve } from "./library.mjs";
import { launch, play, say, until } from "./stage.mjs";

const tokens = JSON.parse(process.env.TOKENS);

/** Runs in the page: joins; `window.told` is what happened to whom. */
async function join({ token, publish }) {
  const { LocalStageStream, StageErrorCode, StageEvents } = await import("/client.js");
  const { devices, stageOf } = await import("/page.js");
  window.StageErrorCode = StageErrorCode;
  window.told = [];
  window.stage = stageOf(token, (publish ? await devices() : []).map((track) => new LocalStageStream(track)));
  for (const [name, event] of Object.entries(StageEvents)) {
    window.stage.on(event, (...args) => window.told.push([name, ...args.map((a) => a?.attributes?.username ?? a?.code ?? String(a))].join(" ")));
  }
  window.stage.on(StageEvents.STAGE_PARTICIPANT_METADATA_CHANGED, (p) => (window.changed = { userId: p.userId, may: [...p.capabilities], isLocal: p.isLocal }));
  /** The code of the error that an exchange ends with; 0 for none. */
  window.exchange = (token) => window.stage.exchangeToken(token).then(() => 0, (error) => error.code);
  window.early = await window.exchange(token);
  await window.stage.join();
}

const told = (page, what) => until(what, () => page.evaluate(() => window.told), (lines) => lines.includes(what));

await play(async () => {
  const server = await serve("index");
  try {
    const browser = await launch();
    const viewer = await open(server, browser, "viewer");
    await viewer.evaluate(join, { token: tokens.viewer, publish: false });
    const ann = await open(server, browser, "ann");
    await ann.evaluate(join, { token: tokens.first, publish: true });
    await told(viewer, "STAGE_PARTICIPANT_STREAMS_ADDED ann [object Object],[object Object]");
    const exchange = (token) => ann.evaluate((token) => window.exchange(token), token);

    const { TOKEN_EXCHANGE_REQUEST_INVALID, TOKEN_EXCHANGE_FAILED } = await ann.evaluate(() => window.StageErrorCode);
    assert.deepEqual([TOKEN_EXCHANGE_REQUEST_INVALID, TOKEN_EXCHANGE_FAILED], [11, 12]);
    assert.equal(await ann.evaluate(() => window.early), TOKEN_EXCHANGE_FAILED, "before there is a stage");
    assert.equal(await exchange(tokens.other), TOKEN_EXCHANGE_REQUEST_INVALID, "somebody else's token");
    assert.equal(await exchange(tokens.forged), TOKEN_EXCHANGE_REQUEST_INVALID, "a token that the server does not believe");
    assert.equal(await viewer.evaluate(() => window.changed), undefined, "nothing has changed yet");

    assert.equal(await exchange(tokens.second), 0, "the second token");
    say("exchanged");
    for (const page of [ann, viewer]) {
      await told(page, "STAGE_PARTICIPANT_METADATA_CHANGED countess");
      const isLocal = page === ann;
      assert.deepEqual(await page.evaluate(() => window.changed), { userId: "countess", may: ["subscribe"], isLocal });
    }
    await told(ann, "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED countess errored");
    await told(viewer, "STAGE_PARTICIPANT_PUBLISH_STATE_CHANGED countess not_published");
    await told(viewer, "STAGE_PARTICIPANT_STREAMS_REMOVED countess [object Object],[object Object]");
  } finally {
    server.close();
  }
});
