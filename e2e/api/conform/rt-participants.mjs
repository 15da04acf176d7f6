// ivs-realtime: sessions, participants and their events, and replication; somebody publishes by WebRTC.
import test from 'node:test';
import assert from 'node:assert/strict';
import { abroad, missing } from '../common.mjs';
import { exactly, judge, recent, stagehand, until } from './kit.mjs';

const rt = judge('ivs-realtime');
const { happy, refused, call } = rt;
const noSession = `st-${'x'.repeat(13)}`;

/** Has somebody publish to a stage, and gives who it is and in which session. */
async function publisher(stage, told = {}) {
  const { participantToken } = await call('CreateParticipantToken', { stageArn: stage.arn, ...told });
  await stagehand('publish', { whip: stage.endpoints.whip, token: participantToken.token });
  const stageArn = stage.arn;
  const { participantId } = participantToken;
  const { stage: { activeSessionId: sessionId } } = await until('a session begins', () => call('GetStage', { arn: stageArn }), (a) => a.stage.activeSessionId);
  const at = { stageArn, sessionId, participantId };
  await until('the participant publishes', () => call('GetParticipant', at), (a) => a.participant.published);
  return at;
}

const summed = (at) => ({
  participantId: at.participantId, state: 'CONNECTED', published: true, firstJoinTime: recent, recordingState: 'DISABLED',
  redundantIngest: false, replicationType: 'NONE',
});

test('a session, its participants and what happened to them', async () => {
  const { stage } = await call('CreateStage', { name: 'live' });
  const stageArn = stage.arn;
  const at = await publisher(stage, { userId: 'ann', attributes: { name: 'Ann' } });
  const { sessionId, participantId } = at;
  assert.match(sessionId, /^st-[A-Za-z0-9]{13}$/);
  await happy('GetStage', { arn: stageArn }, { stage: { ...stage, activeSessionId: sessionId } });
  exactly((await call('ListStages', {})).stages.find((s) => s.arn === stageArn), { arn: stageArn, name: 'live', tags: {}, activeSessionId: sessionId });
  await happy('GetStageSession', { stageArn, sessionId }, { stageSession: { sessionId, startTime: recent } });
  await happy('ListStageSessions', { stageArn }, { stageSessions: [{ sessionId, startTime: recent }] });

  const summary = { ...summed(at), userId: 'ann' };
  await happy('GetParticipant', at, {
    participant: {
      ...summary, attributes: { name: 'Ann' }, protocol: 'WHIP', ispName: '', osName: '', osVersion: '', browserName: '',
      browserVersion: '', sdkVersion: '', recordingS3BucketName: '', recordingS3Prefix: '',
    },
  });
  const where = { stageArn, sessionId };
  for (const filter of [{}, { filterByUserId: 'ann' }, { filterByPublished: true }, { filterByState: 'CONNECTED' }]) {
    await happy('ListParticipants', { ...where, ...filter }, { participants: [summary] });
  }
  for (const filter of [{ filterByUserId: 'bob' }, { filterByPublished: false }, { filterByState: 'DISCONNECTED' }, { filterByRecordingState: 'ACTIVE' }]) {
    await happy('ListParticipants', { ...where, ...filter }, { participants: [] });
  }
  await refused('ListParticipants', 'ValidationException', { ...where, filterByUserId: 'ann', filterByPublished: false });
  const event = (name) => ({ name, eventTime: recent, participantId, replica: false });
  await happy('ListParticipantEvents', at, { events: ['PUBLISH_STARTED', 'JOINED'].map(event) });

  await happy('DisconnectParticipant', { stageArn, participantId, reason: 'enough' }, {});
  const gone = { ...summary, published: true, state: 'DISCONNECTED' };
  await until('the participant is gone', () => call('GetParticipant', at), (a) => a.participant.state === 'DISCONNECTED');
  const { participant } = await call('GetParticipant', at);
  gone.published = participant.published; // "has published", or "does": AWS's own words allow either
  await happy('ListParticipants', { ...where, filterByState: 'DISCONNECTED' }, { participants: [gone] });
  await happy('ListParticipantEvents', at, { events: ['LEFT', 'PUBLISH_STOPPED', 'PUBLISH_STARTED', 'JOINED'].map(event) });
  await happy('DeleteStage', { arn: stageArn }, {});
});

test('a participant is replicated to other stages', async () => {
  const [source, ...others] = await Promise.all(Array.from({ length: 7 }, async () => (await call('CreateStage', {})).stage));
  const [destination, ...more] = others;
  const { participantId, sessionId } = await publisher(source, { userId: 'ann', attributes: { name: 'Ann', side: 'left' } });
  const to = ({ arn }) => ({ sourceStageArn: source.arn, destinationStageArn: arn, participantId });
  const pair = to(destination);
  await refused('StartParticipantReplication', 'ResourceNotFoundException', { ...pair, participantId: 'nobody' });
  await refused('StartParticipantReplication', 'ResourceNotFoundException', to({ arn: missing(destination.arn) }));
  await refused('StartParticipantReplication', 'ValidationException', to(source));
  await refused('StartParticipantReplication', 'ValidationException', { ...pair, reconnectWindowSeconds: 301 }, /reconnectWindowSeconds/);
  await refused('StopParticipantReplication', 'ResourceNotFoundException', pair);

  await happy('StartParticipantReplication', { ...pair, reconnectWindowSeconds: 300, attributes: { side: 'right' } }, {});
  await refused('StartParticipantReplication', 'ConflictException', pair);
  const asked = { sourceStageArn: source.arn, participantId };
  const { replicas: [replica] } = await happy('ListParticipantReplicas', asked, {
    replicas: [{ ...pair, sourceSessionId: sessionId, destinationSessionId: /^st-[A-Za-z0-9]{13}$/, replicationState: 'ACTIVE' }],
  });
  const there = { stageArn: destination.arn, sessionId: replica.destinationSessionId };
  const here = { stageArn: source.arn, sessionId };
  const shown = { ...summed({ participantId }), userId: 'ann', replicationState: 'ACTIVE' };
  await happy('ListParticipants', here, { participants: [{ ...shown, replicationType: 'SOURCE' }] });
  const copy = { ...shown, replicationType: 'REPLICA', sourceStageArn: source.arn, sourceSessionId: sessionId };
  await until('the copy publishes', () => call('ListParticipants', there), (a) => a.participants[0]?.published);
  await happy('ListParticipants', there, { participants: [copy] });
  const { participant } = await call('GetParticipant', { ...there, participantId });
  assert.deepEqual(participant.attributes, { name: 'Ann', side: 'right' });
  const started = { name: 'REPLICATION_STARTED', eventTime: recent, participantId, destinationStageArn: destination.arn, destinationSessionId: replica.destinationSessionId };
  const { events } = await call('ListParticipantEvents', { ...here, participantId });
  exactly(events.find((e) => e.name === 'REPLICATION_STARTED'), { ...started, replica: false });

  for (const stage of more.slice(0, 4)) await call('StartParticipantReplication', to(stage));
  await refused('StartParticipantReplication', 'ServiceQuotaExceededException', to(more[4]));
  await happy('StopParticipantReplication', pair, {});
  await until('the replication has stopped', () => call('ListParticipantReplicas', asked),
    (a) => a.replicas.find((r) => r.destinationStageArn === destination.arn).replicationState === 'STOPPED');
  await call('StartParticipantReplication', to(more[4])); // there is room for it now
});

test('what is not here or not ours is refused', async () => {
  const { stage } = await call('CreateStage', {});
  const stageArn = stage.arn;
  const at = { stageArn, sessionId: noSession, participantId: 'nobody' };
  for (const name of ['GetParticipant', 'GetStageSession']) {
    await refused(name, 'ResourceNotFoundException', at);
    await refused(name, 'ResourceNotFoundException', { ...at, stageArn: missing(stageArn) });
    await refused(name, 'ValidationException', { ...at, sessionId: 'short' }, /sessionId/);
  }
  await refused('DisconnectParticipant', 'ResourceNotFoundException', { ...at, stageArn: missing(stageArn) });
  await happy('DisconnectParticipant', { stageArn, participantId: 'nobody' }, {}); // whose token may be out there
  await refused('DisconnectParticipant', 'ValidationException', { ...at, reason: 'x'.repeat(129) }, /reason/);
  for (const [name, list, input] of [
    ['ListParticipants', 'participants', at], ['ListParticipantEvents', 'events', at],
    ['ListParticipantReplicas', 'replicas', { ...at, sourceStageArn: stageArn }],
  ]) {
    await happy(name, input, { [list]: [] });
    await happy(name, { ...input, stageArn: missing(stageArn), sourceStageArn: missing(stageArn) }, { [list]: [] });
    await refused(name, 'ValidationException', { ...input, stageArn: 'stage', sourceStageArn: 'stage' });
    await refused(name, 'ValidationException', { ...input, maxResults: 101 }, /maxResults/);
  }
  const pair = { sourceStageArn: stageArn, destinationStageArn: abroad(stageArn), participantId: 'nobody' };
  for (const name of ['StartParticipantReplication', 'StopParticipantReplication']) await refused(name, 'ValidationException', pair);
});
