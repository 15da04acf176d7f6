// Lists: the SDK's paginators walk what the Go test made, and page tokens that do not fit are refused.
import test from 'node:test';
import assert from 'node:assert/strict';
import { missing } from '../common.mjs';
import { judge } from './kit.mjs';

const ivs = judge('ivs');
const rt = judge('ivs-realtime');
const chat = judge('ivschat');
const made = JSON.parse(process.env.STREAMCAT_MADE);

for (const [operation, { client, sdk, call }, list, order] of [
  ['ListChannels', ivs, 'channels', 'channels'], ['ListStages', rt, 'stages', 'stages'], ['ListRooms', chat, 'rooms', 'rooms'],
]) {
  test(`${operation} shows each once, the newest first, whatever the size of pages`, async () => {
    for (const pageSize of [undefined, 7, 50]) {
      const seen = [];
      for await (const page of sdk[`paginate${operation}`]({ client, pageSize }, {})) seen.push(...page[list].map((r) => r.arn));
      assert.deepEqual(seen, made[order]);
    }
    const byHand = [];
    let nextToken = ''; // which is the start
    do {
      const page = await call(operation, { nextToken, maxResults: 49 });
      byHand.push(...page[list].map((r) => r.arn));
      ({ nextToken } = page);
    } while (nextToken);
    assert.deepEqual(byHand, made[order]);
  });
}

const channel = made.channels[0];
const stage = made.stages[0];
const session = { stageArn: stage, sessionId: `st-${'x'.repeat(13)}` };
const participant = { ...session, participantId: 'nobody' };

/** Every list operation: what it needs, its largest page, and filters under which a token is another's. */
const lists = [
  [ivs, 'ListAdConfigurations', 100], [ivs, 'ListChannels', 100, {}, { filterByName: 'paged' }],
  [ivs, 'ListPlaybackKeyPairs', 100], [ivs, 'ListPlaybackRestrictionPolicies', 100], [ivs, 'ListRecordingConfigurations', 100],
  [ivs, 'ListStreamKeys', 50, { channelArn: channel }], [ivs, 'ListStreamSessions', 100, { channelArn: channel }],
  [ivs, 'ListStreams', 100, {}, { filterBy: { health: 'HEALTHY' } }],
  [rt, 'ListCompositions', 100, {}, { filterByStageArn: stage }], [rt, 'ListEncoderConfigurations', 100],
  [rt, 'ListIngestConfigurations', 100, {}, { filterByState: 'INACTIVE' }, { filterByStageArn: stage }],
  [rt, 'ListParticipantEvents', 100, participant], [rt, 'ListParticipantReplicas', 50, { sourceStageArn: stage, participantId: 'nobody' }],
  [rt, 'ListParticipants', 100, session, { filterByUserId: 'ann' }], [rt, 'ListPublicKeys', 100],
  [rt, 'ListStageSessions', 100, { stageArn: stage }], [rt, 'ListStages', 100], [rt, 'ListStorageConfigurations', 100],
  [chat, 'ListLoggingConfigurations', 50], [chat, 'ListRooms', 50, {}, { name: 'paged' }],
];

for (const [{ call, refused }, operation, most, needed = {}, ...filters] of lists) {
  test(`${operation} refuses pages that do not fit`, async () => {
    for (const maxResults of [0, -1, most + 1]) await refused(operation, 'ValidationException', { ...needed, maxResults }, /maxResults/);
    await call(operation, { ...needed, maxResults: most });
    const foreign = await token(operation);
    for (const nextToken of ['bm90IG91cnM', 'x', '*', 'x'.repeat(1025), `${foreign}x`, foreign]) {
      await refused(operation, 'ValidationException', { ...needed, nextToken }, /nextToken/);
    }
    for (const filter of filters) await refused(operation, 'ValidationException', { ...needed, ...filter, nextToken: foreign }, /nextToken/);
  });
}

/** A good page token, but of another list than the operation's. */
async function token(operation) {
  const [service, other] = operation === 'ListChannels' ? [rt, 'ListStages'] : [ivs, 'ListChannels'];
  return (await service.call(other, { maxResults: 1 })).nextToken;
}

test('a token is good under its own filter only', async () => {
  for (const [{ call, refused }, operation, own, others] of [
    [ivs, 'ListChannels', { filterByName: 'paged' }, [{}, { filterByName: 'other' }, { filterByRecordingConfigurationArn: missing(channel).replace(':channel/', ':recording-configuration/') }]],
    [chat, 'ListRooms', { name: 'paged' }, [{}, { name: 'other' }, { name: 'paged', messageReviewHandlerUri: 'arn:aws:lambda:us-east-1:000000000000:function:x' }]],
  ]) {
    const { nextToken } = await call(operation, { ...own, maxResults: 1 });
    await call(operation, { ...own, nextToken });
    await call(operation, { ...own, nextToken, maxResults: 2 });
    for (const filter of others) await refused(operation, 'ValidationException', { ...filter, nextToken }, /nextToken/);
  }
  const { call, refused } = rt;
  for (let i = 0; i < 3; i++) await call('CreateIngestConfiguration', { ingestProtocol: 'RTMPS', stageArn: stage });
  const filters = [{ filterByStageArn: stage }, { filterByState: 'INACTIVE' }, {}, { filterByState: 'ACTIVE' }];
  for (const own of filters.slice(0, 3)) {
    const { nextToken } = await call('ListIngestConfigurations', { ...own, maxResults: 1 });
    await call('ListIngestConfigurations', { ...own, nextToken });
    for (const other of filters.filter((f) => f !== own)) await refused('ListIngestConfigurations', 'ValidationException', { ...other, nextToken }, /nextToken/);
  }
});
