// ivs: what acts on a live channel, which an encoder feeds for the whole of this.
import test from 'node:test';
import assert from 'node:assert/strict';
import { abroad, missing } from '../common.mjs';
import { atLeast, exactly, id, judge, oneOf, pick, recentSecond, stagehand, until } from './kit.mjs';
import { tailor } from './samples.mjs';

const ivs = judge('ivs');
const { happy, refused, call } = ivs;
const streamId = /^st-[A-Za-z0-9]{23}$/;

test('a live channel', async () => {
  const { adConfiguration } = await call('CreateAdConfiguration', { mediaTailorPlaybackConfigurations: [{ playbackConfigurationArn: tailor('live') }] });
  const { recordingConfiguration } = await call('CreateRecordingConfiguration', { name: 'live', destinationConfiguration: { s3: { bucketName: 'recordings' } } });
  const { channel, streamKey } = await call('CreateChannel', { name: 'live', tags: { a: 'b' }, adConfigurationArn: adConfiguration.arn });
  const recordingConfigurationArn = recordingConfiguration.arn;
  await until('the recording configuration is active', () => call('UpdateChannel', { arn: channel.arn, recordingConfigurationArn }), () => true);
  const channelArn = channel.arn;
  for (const [name, more] of acts) await refused(name, 'ChannelNotBroadcasting', { channelArn, ...more });
  await refused('GetStreamSession', 'ResourceNotFoundException', { channelArn });
  await happy('ListStreamSessions', { channelArn }, { streamSessions: [] });
  await happy('ListStreams', {}, { streams: [] });

  await stagehand('encode', { streamKey: streamKey.value });
  await until('the stream is live', () => call('GetStream', { channelArn }), () => true);
  const live = { channelArn, health: oneOf('HEALTHY', 'STARVING', 'UNKNOWN'), startTime: recentSecond, state: 'LIVE', streamId, viewerCount: atLeast(0) };
  const { stream } = await happy('GetStream', { channelArn }, { stream: { ...live, playbackUrl: channel.playbackUrl } });
  const summed = { ...live, ...pick(stream, 'streamId', 'startTime') };
  await happy('ListStreams', {}, { streams: [summed] });
  // An encoder on a busy machine may starve now and then.
  await until('the stream is among the healthy', () => happy('ListStreams', { filterBy: { health: 'HEALTHY' } }, { streams: [{ ...summed, health: 'HEALTHY' }] }), () => true);
  await until('no stream starves', () => happy('ListStreams', { filterBy: { health: 'STARVING' } }, { streams: [] }), () => true);

  const running = { streamId: stream.streamId, startTime: stream.startTime, hasErrorEvent: true }; // nothing is recorded yet, which is an error
  await happy('ListStreamSessions', { channelArn }, { streamSessions: [running] });
  await until('the tracks are known', () => call('GetStreamSession', { channelArn }), (a) => {
    const { audio, video } = a.streamSession.ingestConfiguration ?? {};
    return audio?.targetBitrate && video?.targetBitrate;
  });
  const shown = { ...channel, recordingConfigurationArn };
  const session = {
    streamId: stream.streamId, startTime: stream.startTime, channel: shown, recordingConfiguration: { ...recordingConfiguration, state: 'ACTIVE' },
    ...ingested, truncatedEvents: wantEvents('Stream Start', 'Session Created', 'Recording Start Failure'),
  };
  await happy('GetStreamSession', { channelArn }, { streamSession: session });
  await happy('GetStreamSession', { channelArn, streamId: stream.streamId }, { streamSession: session });
  await refused('GetStreamSession', 'ResourceNotFoundException', { channelArn, streamId: `st-${'x'.repeat(23)}` });

  await happy('PutMetadata', { channelArn, metadata: 'é'.repeat(512) }, {});
  await refused('PutMetadata', 'ValidationException', { channelArn, metadata: `${'é'.repeat(512)}x` }, /metadata/);
  await happy('InsertAdBreak', { channelArn, durationSeconds: 300 }, { adBreakId: id(12) });
  await refused('InsertAdBreak', 'ConflictException', { channelArn, durationSeconds: 1 });
  await refused('UpdateChannel', 'ConflictException', { arn: channelArn, name: 'other' });
  await refused('DeleteChannel', 'ConflictException', { arn: channelArn });
  await call('DeleteStreamKey', { arn: streamKey.arn }); // or the encoder could come back
  await happy('GetStream', { channelArn }, { stream: { ...live, playbackUrl: channel.playbackUrl, streamId: stream.streamId } });

  await happy('StopStream', { channelArn }, {});
  await until('the stream has ended', () => call('GetStreamSession', { channelArn }), (a) => a.streamSession.endTime);
  await refused('GetStream', 'ChannelNotBroadcasting', { channelArn });
  await happy('GetStreamSession', { channelArn }, { streamSession: { ...session, endTime: recentSecond, truncatedEvents: wantEvents('Stream Start', 'Session Created', 'Stream End', 'Session Ended') } });
  await happy('ListStreamSessions', { channelArn }, { streamSessions: [{ ...running, endTime: recentSecond }] });
  await happy('DeleteChannel', { arn: channelArn }, {});
});

/** What can be done with a live channel only. */
const acts = [['GetStream'], ['StopStream'], ['PutMetadata', { metadata: 'x' }], ['InsertAdBreak', { durationSeconds: 1 }]];

const numbers = { targetBitrate: atLeast(1) };
const audio = { channels: 1, codec: 'mp4a.40.2', sampleRate: 48000, ...numbers };
const video = { codec: /^avc1\.[0-9A-Fa-f]{6}$/, encoder: /./, targetFramerate: 15, videoHeight: 180, videoWidth: 320, ...numbers };
const ingested = {
  ingestConfiguration: { audio: { ...audio, track: 'Track0' }, video: { ...video, avcLevel: /./, avcProfile: /./, level: /./, profile: /./, track: 'Track0' } },
  ingestConfigurations: {
    audioConfigurations: [{ ...audio, track: 'Track0' }],
    videoConfigurations: [{ ...video, avcLevel: '', avcProfile: '', level: /./, profile: /./, track: 'Track0' }],
  },
};

/** Wants events of these names among others, each in full, newest first. */
const wantEvents = (...names) => (got, where) => {
  for (const event of got) {
    const type = event.name === 'Ad Break Inserted' ? 'IVS Ad Break State Change'
      : event.name.startsWith('Starvation') ? 'IVS Stream Health Change'
      : event.name.startsWith('Recording') ? 'IVS Recording State Change' : 'IVS Stream State Change';
    exactly(event, { name: event.name, type, eventTime: recentSecond }, where);
  }
  const times = got.map((e) => e.eventTime.getTime());
  assert.deepEqual(times, times.toSorted((a, b) => b - a), `${where} is not newest first`);
  for (const name of names) assert.equal(got.filter((e) => e.name === name).length, 1, `${where}: ${name} in ${got.map((e) => e.name)}`);
};

test('sessions of viewers are revoked', async () => {
  const { channel } = await call('CreateChannel', { authorized: true });
  const channelArn = channel.arn;
  await happy('StartViewerSessionRevocation', { channelArn, viewerId: 'ann' }, {});
  await happy('StartViewerSessionRevocation', { channelArn, viewerId: 'ann', viewerSessionVersionsLessThanOrEqualTo: 7 }, {});
  const absent = { channelArn: missing(channelArn), viewerId: 'bob' };
  await happy('BatchStartViewerSessionRevocation', { viewerSessions: [{ channelArn, viewerId: 'ann' }] }, { errors: [] });
  await happy('BatchStartViewerSessionRevocation', { viewerSessions: [absent, { channelArn, viewerId: 'ann' }] }, {
    errors: [{ ...absent, code: '404', message: /./ }],
  });
  await refused('StartViewerSessionRevocation', 'ResourceNotFoundException', absent);
  await refused('StartViewerSessionRevocation', 'ValidationException', { channelArn, viewerId: 'x'.repeat(41) }, /viewerId/);
  await refused('BatchStartViewerSessionRevocation', 'ValidationException', { viewerSessions: [] }, /viewerSessions/);
});

test('what is not here or not ours is refused', async () => {
  const { channel } = await call('CreateChannel', {});
  for (const [name, more] of [...acts, ['GetStreamSession'], ['ListStreamSessions']]) {
    await refused(name, 'ResourceNotFoundException', { channelArn: missing(channel.arn), ...more });
    await refused(name, 'ValidationException', { channelArn: abroad(channel.arn), ...more });
  }
  await refused('ListStreams', 'ValidationException', { filterBy: { health: 'ILL' } }, /health/);
});
