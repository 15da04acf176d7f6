// AWS SDK for JavaScript v3: stages and participant tokens.
import test from 'node:test';
import assert from 'node:assert/strict';
import * as rt from '@aws-sdk/client-ivs-realtime';
import { options, region, abroad, missing, refused, attributes, payload } from './common.mjs';

const client = new rt.IVSRealTimeClient(options);
const call = (name, input = {}) => client.send(new rt[`${name}Command`](input));

test('a stage is shown in full', async () => {
  const { stage, participantTokens } = await call('CreateStage', {
    name: 'sdk3',
    tags: { a: 'b' },
    participantTokenConfigurations: [{ userId: 'one' }, { userId: 'two', duration: 1, capabilities: ['SUBSCRIBE'] }],
  });
  assert.match(stage.arn, new RegExp(`^arn:aws:ivs:${region}:\\d{12}:stage/[A-Za-z0-9]{12}$`));
  assert.deepEqual(participantTokens.map((t) => t.userId), ['one', 'two']);
  assert.match(stage.endpoints.events, /^wss?:\/\/.*\/stage-events$/);
  assert.match(stage.endpoints.whip, /^https?:\/\/.*\/whip$/);
  assert.match(stage.endpoints.rtmp, /^rtmp:\/\/.*\/app\/$/);
  assert.deepEqual(stage.autoParticipantRecordingConfiguration, {
    storageConfigurationArn: '',
    mediaTypes: ['AUDIO_VIDEO'],
    thumbnailConfiguration: { recordingMode: 'DISABLED', targetIntervalSeconds: 60, storage: ['SEQUENTIAL'] },
    recordingReconnectWindowSeconds: 0,
    hlsConfiguration: { targetSegmentDurationSeconds: 6 },
    recordParticipantReplicas: true,
  });
  const got = await call('GetStage', { arn: stage.arn });
  assert.deepEqual(got.stage, stage);
  const updated = await call('UpdateStage', { arn: stage.arn, name: 'renamed' });
  assert.deepEqual(updated.stage, { ...stage, name: 'renamed' });

  await call('TagResource', { resourceArn: stage.arn, tags: { 'x y': 'é' } });
  await call('UntagResource', { resourceArn: stage.arn, tagKeys: ['a'] });
  assert.deepEqual((await call('ListTagsForResource', { resourceArn: stage.arn })).tags, { 'x y': 'é' });

  await call('DeleteStage', { arn: stage.arn });
  const gone = await refused(call('GetStage', { arn: stage.arn }), 'ResourceNotFoundException', 404);
  assert.ok(gone instanceof rt.ResourceNotFoundException);
});

test('a token says in its payload what clients look for', async () => {
  const { stage } = await call('CreateStage');
  const { participantToken } = await call('CreateParticipantToken', {
    stageArn: stage.arn, userId: 'ann', attributes: { name: 'Ann' }, duration: 20160, capabilities: ['PUBLISH'],
  });
  assert.equal(participantToken.duration, 20160);
  assert.deepEqual(participantToken.capabilities, ['PUBLISH']);
  assert.equal(participantToken.userId, 'ann');
  assert.deepEqual(participantToken.attributes, { name: 'Ann' });
  const p = payload(participantToken.token);
  assert.equal(p.exp - p.iat, 20160 * 60);
  assert.equal(p.exp, participantToken.expirationTime.getTime() / 1000);
  delete p.exp;
  delete p.iat;
  assert.deepEqual(p, {
    jti: participantToken.participantId, resource: stage.arn, topic: stage.arn.split('/')[1],
    events_url: stage.endpoints.events, whip_url: stage.endpoints.whip, user_id: 'ann', attributes: { name: 'Ann' },
    capabilities: { allow_publish: true, allow_subscribe: false }, version: '0.3',
  });
  const plain = await call('CreateParticipantToken', { stageArn: stage.arn, capabilities: [] });
  assert.equal(plain.participantToken.duration, 720);
  assert.deepEqual(plain.participantToken.capabilities, ['PUBLISH', 'SUBSCRIBE']);
});

test('stages come in pages', async () => {
  const before = (await call('ListStages')).stages.map((s) => s.arn);
  const made = [];
  for (let i = 0; i < 3; i++) made.push((await call('CreateStage')).stage.arn);
  const seen = [];
  for await (const page of rt.paginateListStages({ client, pageSize: 2 }, {})) seen.push(...page.stages.map((s) => s.arn));
  assert.deepEqual(seen, [...made.reverse(), ...before]);
});

test('stage requests that break a rule are refused by name', async () => {
  const { stage } = await call('CreateStage');
  const token = (more) => call('CreateParticipantToken', { stageArn: stage.arn, ...more });
  const invalid = await refused(token({ duration: 20161 }), 'ValidationException', 400, /duration/);
  assert.ok(invalid instanceof rt.ValidationException);
  assert.ok(invalid.exceptionMessage);
  assert.equal(invalid.accessControlAllowOrigin, '*');
  assert.equal(invalid.xAmznErrorType, 'ValidationException');
  await refused(token({ attributes: attributes(1025) }), 'ValidationException', 400, /attributes/);
  await token({ attributes: attributes(1024) });
  await refused(token({ stageArn: abroad(stage.arn) }), 'ValidationException', 400, new RegExp(region));
  await refused(token({ stageArn: undefined }), 'ValidationException', 400, /stageArn/);
  await refused(token({ stageArn: missing(stage.arn) }), 'ResourceNotFoundException', 404);
  await refused(token({ userId: 11231234 }), 'SerializationException', 400, /userId must be a string/);
  await refused(call('ListStages', { nextToken: 'bm90IG91cnM' }), 'ValidationException', 400, /nextToken/);
  await refused(call('ListCompositions'), 'NotImplemented', 501);
});
