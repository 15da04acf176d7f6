// AWS's quotas: the Go test has filled every kind but for one, and calls are counted by the second.
import test from 'node:test';
import { judge } from './kit.mjs';
import { publicKey, tailor } from './samples.mjs';

const ivs = judge('ivs');
const rt = judge('ivs-realtime');
const chat = judge('ivschat');
const s3 = { bucketName: 'recordings' };

for (const [{ call, refused }, operation, input] of [
  [ivs, 'CreateChannel'], [ivs, 'CreateRecordingConfiguration', () => ({ destinationConfiguration: { s3 } })],
  [ivs, 'CreatePlaybackRestrictionPolicy'],
  [ivs, 'CreateAdConfiguration', () => ({ mediaTailorPlaybackConfigurations: [{ playbackConfigurationArn: tailor('ads') }] })],
  [ivs, 'ImportPlaybackKeyPair', () => ({ publicKeyMaterial: publicKey() })],
  [rt, 'CreateStage'], [rt, 'CreateEncoderConfiguration'], [rt, 'CreateStorageConfiguration', () => ({ s3 })],
  [rt, 'CreateIngestConfiguration', () => ({ ingestProtocol: 'RTMPS' })], [rt, 'ImportPublicKey', () => ({ publicKeyMaterial: publicKey() })],
  [chat, 'CreateLoggingConfiguration', () => ({ destinationConfiguration: { s3 } })],
]) {
  test(`${operation} makes the last one, and no more`, async () => {
    await call(operation, input?.() ?? {});
    await refused(operation, 'ServiceQuotaExceededException', input?.() ?? {}, /quota/);
  });
}

const channelArn = 'arn:aws:ivs:us-east-1:000000000000:channel/doesNotExist';
for (const [service, operation, input] of [
  [ivs, 'CreateAdConfiguration'], [ivs, 'CreatePlaybackRestrictionPolicy'], [ivs, 'InsertAdBreak', { channelArn, durationSeconds: 1 }],
  [ivs, 'PutMetadata', { channelArn, metadata: 'goal' }], [ivs, 'StartViewerSessionRevocation', { channelArn, viewerId: 'ann' }],
  [ivs, 'BatchStartViewerSessionRevocation', { viewerSessions: [{ channelArn, viewerId: 'ann' }] }],
  [rt, 'ListStages'], // for which no model has it, but SDKs know it by its name
]) {
  test(`${operation} has a rate`, () => service.hurried(operation, input));
}
