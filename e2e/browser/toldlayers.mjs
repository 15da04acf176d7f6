// Chooses among the sizes in which a picture is published, q (320×180), h (640×360) and f (1280×720), by the open client library.
//   LOW=<participant token> HIGH=<another one> node toldlayers.mjs
// Steps said: done.
import assert from "node:assert/strict";
import { serve } from "./library.mjs";
import { launch, person, play, until } from "./stage.mjs";

/** Runs in the page: joins; `window.seen[name]` is what is told and shown. */
async function join({ name, token, initial }) {
  const { RemoteStageStreamEvents, Stage, StageEvents, SubscribeType } = await import("/client.js");
  const seen = ((window.seen ??= {})[name] = { events: [], own: [], prefer: () => undefined });
  const stage = (seen.stage = new Stage(token, {
    stageStreamsToPublish: () => [],
    shouldPublishParticipant: () => false,
    shouldSubscribeToParticipant: () => SubscribeType.AUDIO_VIDEO,
    preferredLayerForStream: (participant, stream) => seen.prefer(stream),
    ...(initial ? { subscribeConfiguration: () => ({ simulcast: { initialLayerPreference: initial } }) } : {}),
  }));
  const labels = (layers) => layers.map(({ label }) => label).join("");
  stage.on(StageEvents.STAGE_STREAM_LAYERS_CHANGED, (participant, stream, layers) => seen.events.push(`layers ${labels(layers)}`));
  stage.on(StageEvents.STAGE_STREAM_LAYER_SELECTED, (participant, stream, layer, why) => seen.events.push(`${layer.label} ${why}`));
  stage.on(StageEvents.STAGE_STREAM_ADAPTION_CHANGED, (participant, stream, adapts) => seen.events.push(`adapting ${adapts}`));
  stage.on(StageEvents.STAGE_PARTICIPANT_STREAMS_ADDED, (participant, streams) => {
    const stream = streams.find(({ streamType }) => streamType === "video");
    if (!stream) return;
    seen.stream = stream;
    stream.on(RemoteStageStreamEvents.LAYERS_CHANGED, (layers) => seen.own.push(`layers ${labels(layers)}`));
    stream.on(RemoteStageStreamEvents.LAYER_SELECTED, (layer, why) => seen.own.push(`${layer.label} ${why}`));
    stream.on(RemoteStageStreamEvents.ADAPTION_CHANGED, (adapts) => seen.own.push(`adapting ${adapts}`));
    const video = (seen.video = document.createElement("video"));
    document.body.append(Object.assign(video, { autoplay: true, muted: true, srcObject: new MediaStream([stream.mediaStreamTrack]) }));
  });
  await stage.join();
}

await play(async () => {
  const server = await serve("index");
  try {
    const page = await (await person("guest", await launch())).newPage();
    await page.goto(`http://127.0.0.1:${server.address().port}`);
    const look = () =>
      page.evaluate(() => {
        const { events, own, stream, video } = window.seen.low;
        return {
          events, own, width: video?.videoWidth, adapting: stream?.isAdapting, layers: stream?.getLayers() ?? [],
          selected: stream?.getSelectedLayer()?.label, lowest: stream?.getLowestQualityLayer()?.label, highest: stream?.getHighestQualityLayer()?.label,
        };
      });
    await page.evaluate(join, { name: "low", token: process.env.LOW });
    const all = await until("three layers, and the largest", look, ({ layers, selected, width }) => layers.length === 3 && selected === "f" && width === 1280);
    assert.deepEqual(all.layers.map(({ label, width, height, selected }) => [label, width, height, selected]), [
      ["q", 320, 180, false], ["h", 640, 360, false], ["f", 1280, 720, true],
    ]);
    const [q, h, f] = all.layers;
    assert.ok(0 < q.bitrateBps && q.bitrateBps < h.bitrateBps && h.bitrateBps < f.bitrateBps && f.framesPerSecond > 0, JSON.stringify(all.layers));
    assert.deepEqual([all.lowest, all.highest, all.adapting], ["q", "f", true]);
    assert.ok(all.events.includes("layers qhf") && all.events.includes("adapting true"), all.events.join());
    assert.deepEqual(all.own, all.events);

    const prefer = async (which, label, width) => {
      await page.evaluate((which) => {
        const { seen } = window;
        seen.low.events.length = seen.low.own.length = 0;
        const wanted = seen.low.stream.getLayers().find((layer) => layer.label === which) ?? (which === "lowest" ? seen.low.stream.getLowestQualityLayer() : undefined);
        seen.low.prefer = () => wanted;
        seen.low.stage.refreshStrategy();
      }, which);
      return until(`${label} at ${width}`, look, (now) => now.selected === label && now.width === width);
    };
    const pinned = await prefer("h", "h", 640);
    assert.ok(pinned.events.includes("adapting false") && pinned.events.includes("h selected"), pinned.events.join());
    assert.deepEqual([pinned.adapting, pinned.own], [false, pinned.events]);
    await prefer("lowest", "q", 320);
    const free = await prefer("none", "f", 1280);
    assert.ok(free.adapting && free.events.includes("adapting true"), free.events.join());

    await page.evaluate(join, { name: "high", token: process.env.HIGH, initial: "highest_quality" });
    const high = await until(
      "the largest picture",
      () => page.evaluate(() => ({ events: window.seen.high.events, width: window.seen.high.video?.videoWidth })),
      ({ events, width }) => width === 1280 && events.some((event) => event.endsWith("selected")),
    );
    assert.equal(high.events.find((event) => event.endsWith("selected")), "f selected", "a picture begins large");
    await page.evaluate(() => Object.values(window.seen).forEach(({ stage }) => stage.leave()));
  } finally {
    server.close();
  }
});
