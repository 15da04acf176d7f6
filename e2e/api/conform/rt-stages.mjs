// ivs-realtime: stages, participant tokens and the keys that sign them elsewhere.
import test from 'node:test';
import assert from 'node:assert/strict';
import { region, abroad, attributes, missing, payload } from '../common.mjs';
import { arn, exactly, id, including, judge, later, pick, tags } from './kit.mjs';
import { publicKey } from './samples.mjs';

const rt = judge('ivs-realtime');
const { happy, refused, call } = rt;

/** How a stage is recorded of which nothing was said. */
export const unrecorded = {
  storageConfigurationArn: '', mediaTypes: ['AUDIO_VIDEO'], recordingReconnectWindowSeconds: 0, recordParticipantReplicas: true,
  thumbnailConfiguration: { recordingMode: 'DISABLED', targetIntervalSeconds: 60, storage: ['SEQUENTIAL'] },
  hlsConfiguration: { targetSegmentDurationSeconds: 6 },
};
/** A stage of which nothing was said. Its endpoints have RTMPS only where the server has TLS. */
const plain = {
  arn: arn('ivs', 'stage'), autoParticipantRecordingConfiguration: unrecorded, name: '', tags: {},
  endpoints: { events: /^ws:\/\/.*\/stage-events$/, whip: /^http:\/\/.*\/whip$/, rtmp: /^rtmp:\/\/.*\/app\/$/ },
};
const both = ['PUBLISH', 'SUBSCRIBE'];
const token = (minutes = 720) => ({
  token: /^[\w-]+\.[\w-]+\.[\w-]+$/, participantId: id(12), duration: minutes, expirationTime: later(minutes * 60_000), capabilities: both,
});

test('a stage of which nothing is said has the defaults', async () => {
  const { stage } = await happy('CreateStage', {}, { stage: plain });
  await happy('GetStage', { arn: stage.arn }, { stage });
  await happy('UpdateStage', { arn: stage.arn, name: 'other' }, { stage: { ...stage, name: 'other' } });
  exactly((await call('ListStages', {})).stages, including({ ...pick(stage, 'arn', 'tags'), name: 'other' }));
  await happy('ListStages', { maxResults: 1 }, { stages: [{ ...pick(stage, 'arn', 'tags'), name: 'other' }] });
  await happy('ListStageSessions', { stageArn: stage.arn }, { stageSessions: [] });
  await happy('DeleteStage', { arn: stage.arn }, {});
  await refused('GetStage', 'ResourceNotFoundException', { arn: stage.arn });
});

test('a stage is made with tokens, in the order asked for', async () => {
  const told = { userId: 'two', duration: 1, capabilities: ['SUBSCRIBE'], attributes: { a: 'b' } };
  const { stage, participantTokens } = await happy('CreateStage', { name: 'told', tags: { a: 'b' }, participantTokenConfigurations: [{ userId: 'one' }, told, {}] }, {
    stage: { ...plain, name: 'told', tags: { a: 'b' } },
    participantTokens: [{ ...token(), userId: 'one' }, { ...token(1), ...told }, token()],
  });
  assert.equal(new Set(participantTokens.map((t) => t.participantId)).size, 3);
  await tags(rt, stage.arn);
});

test('a stage is recorded as told, until it is not', async () => {
  const { storageConfiguration } = await call('CreateStorageConfiguration', { s3: { bucketName: 'recordings' } });
  const storageConfigurationArn = storageConfiguration.arn;
  const told = {
    storageConfigurationArn, mediaTypes: ['AUDIO_ONLY'], recordingReconnectWindowSeconds: 300, recordParticipantReplicas: false,
    thumbnailConfiguration: { recordingMode: 'INTERVAL', targetIntervalSeconds: 86400, storage: ['SEQUENTIAL', 'LATEST'] },
    hlsConfiguration: { targetSegmentDurationSeconds: 10 },
  };
  const { stage } = await happy('CreateStage', { autoParticipantRecordingConfiguration: told }, { stage: { ...plain, autoParticipantRecordingConfiguration: told } });
  await happy('GetStage', { arn: stage.arn }, { stage });
  await refused('DeleteStorageConfiguration', 'ConflictException', { arn: storageConfigurationArn });
  await happy('UpdateStage', { arn: stage.arn, autoParticipantRecordingConfiguration: { storageConfigurationArn: '' } }, {
    stage: { ...stage, autoParticipantRecordingConfiguration: unrecorded },
  });
  const again = { storageConfigurationArn };
  await happy('UpdateStage', { arn: stage.arn, autoParticipantRecordingConfiguration: again }, { stage: { ...stage, autoParticipantRecordingConfiguration: { ...unrecorded, ...again } } });
  await refused('UpdateStage', 'ResourceNotFoundException', { arn: stage.arn, autoParticipantRecordingConfiguration: { storageConfigurationArn: missing(storageConfigurationArn) } });
  await refused('UpdateStage', 'ValidationException', { arn: stage.arn, autoParticipantRecordingConfiguration: { storageConfigurationArn, hlsConfiguration: { targetSegmentDurationSeconds: 11 } } });
});

test('a participant token says what was asked for, and its payload what clients read', async () => {
  const { stage } = await call('CreateStage', {});
  const stageArn = stage.arn;
  await happy('CreateParticipantToken', { stageArn }, { participantToken: token() });
  await happy('CreateParticipantToken', { stageArn, capabilities: [], attributes: attributes(1024) }, { participantToken: { ...token(), attributes: attributes(1024) } });
  const told = { userId: 'ann', attributes: { name: 'Ann' }, duration: 20160, capabilities: ['PUBLISH'] };
  const { participantToken } = await happy('CreateParticipantToken', { stageArn, ...told }, { participantToken: { ...token(20160), ...told } });
  const { exp, iat, ...claims } = payload(participantToken.token);
  assert.equal(exp - iat, 20160 * 60);
  assert.equal(exp, Math.floor(participantToken.expirationTime.getTime() / 1000));
  exactly(claims, {
    jti: participantToken.participantId, resource: stageArn, topic: stageArn.split('/')[1], events_url: stage.endpoints.events,
    whip_url: stage.endpoints.whip, user_id: 'ann', attributes: { name: 'Ann' }, capabilities: { allow_publish: true, allow_subscribe: false }, version: '0.3',
  });
  await refused('CreateParticipantToken', 'ValidationException', { stageArn, duration: 20161 }, /duration/);
  await refused('CreateParticipantToken', 'ValidationException', { stageArn, attributes: attributes(1025) }, /attributes/);
});

test('a public key', async () => {
  const publicKeyMaterial = publicKey();
  const told = { name: 'told', tags: { a: 'b' } };
  const { publicKey: made } = await happy('ImportPublicKey', { publicKeyMaterial, ...told }, {
    publicKey: { arn: arn('ivs', 'public-key'), fingerprint: /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/, publicKeyMaterial, ...told },
  });
  await happy('GetPublicKey', { arn: made.arn }, { publicKey: made });
  await happy('ListPublicKeys', {}, { publicKeys: [pick(made, 'arn', 'name', 'tags')] });
  await tags(rt, made.arn);
  await refused('ImportPublicKey', 'ConflictException', { publicKeyMaterial });
  await refused('ImportPublicKey', 'ValidationException', { publicKeyMaterial: publicKey('P-256') });
  await happy('DeletePublicKey', { arn: made.arn }, {});
  await refused('GetPublicKey', 'ResourceNotFoundException', { arn: made.arn });
});

test('what is not here or not ours is refused', async () => {
  const { stage } = await call('CreateStage', {});
  const key = stage.arn.replace(':stage/', ':public-key/');
  for (const [name, of] of [['GetStage', stage.arn], ['UpdateStage', stage.arn], ['DeleteStage', stage.arn], ['GetPublicKey', key], ['DeletePublicKey', key]]) {
    await refused(name, 'ResourceNotFoundException', { arn: missing(of) }, /doesNotExist/);
    await refused(name, 'ValidationException', { arn: abroad(of) }, new RegExp(region));
    await refused(name, 'ValidationException', {}, /arn/);
  }
  await refused('CreateParticipantToken', 'ResourceNotFoundException', { stageArn: missing(stage.arn) });
  await refused('CreateParticipantToken', 'ValidationException', { stageArn: abroad(stage.arn) });
  await refused('CreateStage', 'ValidationException', { participantTokenConfigurations: Array.from({ length: 13 }, () => ({})) });
  await refused('CreateStage', 'ValidationException', { name: 'a b' }, /name/);
  for (const name of ['ListStages', 'ListPublicKeys']) await refused(name, 'ValidationException', { maxResults: 101 }, /maxResults/);
  await refused('ListStageSessions', 'ValidationException', { stageArn: 'stage' });
  for (const name of ['ListTagsForResource', 'TagResource', 'UntagResource']) {
    const more = { tags: { a: 'b' }, tagKeys: ['a'] };
    await refused(name, 'ResourceNotFoundException', { resourceArn: missing(stage.arn), ...more });
    await refused(name, 'ValidationException', { resourceArn: abroad(stage.arn), ...more });
  }
  await happy('ListStageSessions', { stageArn: missing(stage.arn) }, { stageSessions: [] });
});
