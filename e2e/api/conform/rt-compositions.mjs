// ivs-realtime: compositions. They start, end, and are found for a while afterwards.
import test from 'node:test';
import assert from 'node:assert/strict';
import { abroad, missing } from '../common.mjs';
import { arn, id, judge, oneOf, pick, recent, tags, until } from './kit.mjs';

const rt = judge('ivs-realtime');
const ivs = judge('ivs');
const { happy, refused, call } = rt;

const grid = {
  featuredParticipantAttribute: '', gridGap: 2, omitStoppedVideo: false, participantOrderAttribute: '', videoAspectRatio: 'VIDEO', videoFillMode: '',
};
const pip = {
  featuredParticipantAttribute: '', gridGap: 0, omitStoppedVideo: false, participantOrderAttribute: '', pipBehavior: 'STATIC',
  pipOffset: 0, pipParticipantAttribute: '', pipPosition: 'BOTTOM_RIGHT', videoFillMode: 'COVER',
};

/** A stage, a channel and the configurations that a composition needs. */
async function scene() {
  const [{ stage }, { channel }, { encoderConfiguration }, { storageConfiguration }] = await Promise.all([
    call('CreateStage', {}), ivs.call('CreateChannel', {}), call('CreateEncoderConfiguration', {}),
    call('CreateStorageConfiguration', { s3: { bucketName: 'recordings' } }),
  ]);
  const encoder = encoderConfiguration.arn;
  return {
    stageArn: stage.arn, channelArn: channel.arn, encoder, storage: storageConfiguration.arn,
    toChannel: { channel: { channelArn: channel.arn, encoderConfigurationArn: encoder } },
    toStorage: { s3: { storageConfigurationArn: storageConfiguration.arn, encoderConfigurationArns: [encoder] } },
  };
}
const states = oneOf('STARTING', 'ACTIVE', 'STOPPING', 'STOPPED', 'FAILED');
/** The times that an answer has: which, depends on how far it is. */
const seen = (o) => Object.fromEntries(['startTime', 'endTime'].filter((k) => o[k] !== undefined).map((k) => [k, recent]));
const over = (c) => ['STOPPED', 'FAILED'].includes(c.state);

/** Reads a composition, lets the times that depend on how far it is be absent, and wants the rest exactly. */
async function shown(name, input, want) {
  const answer = await call(name, input);
  const { composition: c } = answer;
  return happy(name, input, {
    composition: { ...want, ...seen(c), state: states, destinations: want.destinations.map((d, i) => ({ ...d, ...seen(c.destinations[i]) })) },
  });
}

test('a composition is started once, shown in full, used, and stopped', async () => {
  const s = await scene();
  const destinations = [s.toChannel, { name: 'kept', ...s.toStorage }];
  const input = { stageArn: s.stageArn, destinations, tags: { a: 'b' }, idempotencyToken: 'once' };
  const { composition: made } = await happy('StartComposition', input, {
    composition: {
      arn: arn('ivs', 'composition'), stageArn: s.stageArn, state: 'STARTING', startTime: recent, tags: { a: 'b' }, layout: { grid },
      destinations: [
        { id: id(12), state: 'STARTING', configuration: { name: '', ...s.toChannel } },
        {
          id: id(12), state: 'STARTING', detail: { s3: { recordingPrefix: /^[A-Za-z0-9]{12}\/[A-Za-z0-9]{12}\/[A-Za-z0-9]{12}\/composite$/ } },
          configuration: { name: 'kept', s3: { ...s.toStorage.s3, recordingConfiguration: { format: 'HLS', hlsConfiguration: { targetSegmentDurationSeconds: 2 } } } },
        },
      ],
    },
  });
  const { startTime, endTime, ...rest } = made;
  const destination = made.destinations.map(({ startTime, endTime, ...d }) => ({ ...d, state: states }));
  const want = { ...rest, destinations: destination };
  assert.equal((await call('StartComposition', input)).composition.arn, made.arn);
  await refused('StartComposition', 'ConflictException', { ...input, tags: {} });
  await shown('GetComposition', { arn: made.arn }, want);
  for (const filter of [{ filterByStageArn: s.stageArn }, { filterByEncoderConfigurationArn: s.encoder }, { filterByStageArn: s.stageArn, filterByEncoderConfigurationArn: s.encoder }]) {
    const { compositions } = await call('ListCompositions', filter);
    assert.deepEqual(compositions.map((c) => c.arn), [made.arn]);
  }
  const { compositions: [listed] } = await call('ListCompositions', { filterByStageArn: s.stageArn });
  await happy('ListCompositions', { filterByStageArn: s.stageArn }, {
    compositions: [{
      ...pick(made, 'arn', 'stageArn', 'tags'), ...seen(listed), state: states,
      destinations: listed.destinations.map((d, i) => ({ id: made.destinations[i].id, state: states, ...seen(d) })),
    }],
  });
  await happy('ListCompositions', { filterByStageArn: missing(s.stageArn) }, { compositions: [] });
  await tags(rt, made.arn);
  await happy('StopComposition', { arn: made.arn }, {});
  const { composition: ended } = await until('the composition is over', () => call('GetComposition', { arn: made.arn }), (a) => over(a.composition));
  recent(ended.endTime, 'endTime');
  for (const d of ended.destinations) assert.ok(over(d), JSON.stringify(d));
  await happy('StopComposition', { arn: made.arn }, {});
  await call('DeleteEncoderConfiguration', { arn: s.encoder });
});

test('a composition ends by itself, or with its stage, and then nothing is in use', async () => {
  const s = await scene();
  const { composition } = await call('StartComposition', { stageArn: s.stageArn, destinations: [s.toStorage], layout: { pip: {} } });
  assert.deepEqual(composition.layout, { pip });
  await call('DeleteStage', { arn: s.stageArn });
  await until('the composition ends', () => call('GetComposition', { arn: composition.arn }), (a) => over(a.composition));
  await happy('DeleteEncoderConfiguration', { arn: s.encoder }, {});
  await happy('DeleteStorageConfiguration', { arn: s.storage }, {});
});

test('a composition that cannot be is refused', async () => {
  const s = await scene();
  const start = (destinations, more) => ({ stageArn: s.stageArn, destinations, ...more });
  for (const wrong of [
    start([]), start([{}]), start([{ ...s.toChannel, ...s.toStorage }]), start([s.toChannel, s.toChannel]), start([s.toStorage, s.toStorage]),
    start([s.toChannel], { layout: { grid: {}, pip: {} } }), start([s.toChannel], { stageArn: abroad(s.stageArn) }),
    start([{ s3: { ...s.toStorage.s3, encoderConfigurationArns: [] } }]),
  ]) await refused('StartComposition', 'ValidationException', wrong);
  for (const absent of [
    start([s.toChannel], { stageArn: missing(s.stageArn) }), start([{ channel: { channelArn: missing(s.channelArn) } }]),
    start([{ channel: { channelArn: s.channelArn, encoderConfigurationArn: missing(s.encoder) } }]),
    start([{ s3: { ...s.toStorage.s3, storageConfigurationArn: missing(s.storage) } }]),
  ]) await refused('StartComposition', 'ResourceNotFoundException', absent, /doesNotExist/);
  const named = s.stageArn.replace(':stage/', ':composition/');
  for (const name of ['GetComposition', 'StopComposition']) {
    await refused(name, 'ResourceNotFoundException', { arn: missing(named) });
    await refused(name, 'ValidationException', { arn: s.stageArn });
  }
  await refused('ListCompositions', 'ValidationException', { maxResults: 101 }, /maxResults/);
});
