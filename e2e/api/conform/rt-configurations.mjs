// ivs-realtime: encoder, storage and ingest configurations.
import test from 'node:test';
import { region, abroad, attributes, missing } from '../common.mjs';
import { arn, exactly, id, including, judge, pick, stagehand, tags, until } from './kit.mjs';

const rt = judge('ivs-realtime');
const { happy, refused, call } = rt;

test('an encoder configuration', async () => {
  const plain = { arn: arn('ivs', 'encoder-configuration'), name: '', tags: {}, video: { width: 1280, height: 720, framerate: 30, bitrate: 2_500_000 } };
  await happy('CreateEncoderConfiguration', {}, { encoderConfiguration: plain });
  await happy('CreateEncoderConfiguration', { video: { bitrate: 1 } }, { encoderConfiguration: { ...plain, video: { ...plain.video, bitrate: 1 } } });
  const told = { name: 'told', tags: { a: 'b' }, video: { width: 1080, height: 1920, framerate: 29.97, bitrate: 8_500_000 } };
  const { encoderConfiguration: made } = await happy('CreateEncoderConfiguration', told, { encoderConfiguration: { ...plain, ...told } });
  await happy('GetEncoderConfiguration', { arn: made.arn }, { encoderConfiguration: made });
  await happy('ListEncoderConfigurations', { maxResults: 1 }, { encoderConfigurations: [pick(made, 'arn', 'name', 'tags')], nextToken: /./ });
  await tags(rt, made.arn);
  for (const video of [{ width: 1279 }, { height: 3 }, { width: 1920, height: 1082 }, { framerate: 61 }, { bitrate: 8_500_001 }]) {
    await refused('CreateEncoderConfiguration', 'ValidationException', { video });
  }
  await happy('DeleteEncoderConfiguration', { arn: made.arn }, {});
  await refused('GetEncoderConfiguration', 'ResourceNotFoundException', { arn: made.arn });
});

test('a storage configuration', async () => {
  const s3 = { bucketName: 'recordings' };
  const plain = { arn: arn('ivs', 'storage-configuration'), name: '', tags: {}, s3 };
  await happy('CreateStorageConfiguration', { s3 }, { storageConfiguration: plain });
  const told = { name: 'told', tags: { a: 'b' }, s3 };
  const { storageConfiguration: made } = await happy('CreateStorageConfiguration', told, { storageConfiguration: { ...plain, ...told } });
  await happy('GetStorageConfiguration', { arn: made.arn }, { storageConfiguration: made });
  await happy('ListStorageConfigurations', { maxResults: 1 }, { storageConfigurations: [made], nextToken: /./ });
  await tags(rt, made.arn);
  await refused('CreateStorageConfiguration', 'ValidationException', { s3: { bucketName: 'No Bucket' } }, /bucketName/);
  await happy('DeleteStorageConfiguration', { arn: made.arn }, {});
  await refused('GetStorageConfiguration', 'ResourceNotFoundException', { arn: made.arn });
});

const streamKey = new RegExp(`^rt_\\d{12}_${region}_[A-Za-z0-9]{12}_[A-Za-z0-9]{30,}$`);
const plainIngest = {
  arn: arn('ivs', 'ingest-configuration'), attributes: {}, ingestProtocol: 'RTMPS', name: '', participantId: id(12), redundantIngest: false,
  stageArn: '', state: 'INACTIVE', streamKey, tags: {}, userId: '',
};
const summary = (c) => pick(c, 'arn', 'ingestProtocol', 'name', 'participantId', 'redundantIngest', 'stageArn', 'state', 'userId');

test('an ingest configuration', async () => {
  await happy('CreateIngestConfiguration', { ingestProtocol: 'RTMPS' }, { ingestConfiguration: plainIngest });
  await refused('CreateIngestConfiguration', 'ValidationException', { ingestProtocol: 'RTMP' }, /insecureIngest/);
  await refused('CreateIngestConfiguration', 'ValidationException', { ingestProtocol: 'RTMPS', attributes: attributes(1025) }, /attributes/);
  const { stage } = await call('CreateStage', {});
  const told = { name: 'told', userId: 'ann', attributes: { name: 'Ann' }, stageArn: stage.arn, tags: { a: 'b' }, ingestProtocol: 'RTMP' };
  const { ingestConfiguration: made } = await happy('CreateIngestConfiguration', { ...told, insecureIngest: true }, { ingestConfiguration: { ...plainIngest, ...told } });
  await happy('GetIngestConfiguration', { arn: made.arn }, { ingestConfiguration: made });
  await happy('ListIngestConfigurations', { filterByStageArn: stage.arn }, { ingestConfigurations: [summary(made)] });
  exactly((await call('ListIngestConfigurations', { filterByState: 'INACTIVE' })).ingestConfigurations, including(summary(made)));
  await happy('ListIngestConfigurations', { filterByState: 'ACTIVE' }, { ingestConfigurations: [] });
  await refused('ListIngestConfigurations', 'ValidationException', { filterByState: 'ACTIVE', filterByStageArn: stage.arn });
  await tags(rt, made.arn);

  const credential = { participantId: id(12), streamKey };
  const { ingestConfiguration: two } = await happy('UpdateIngestConfiguration', { arn: made.arn, redundantIngest: true }, {
    ingestConfiguration: { ...made, redundantIngest: true, redundantIngestCredentials: [credential, credential], streamKey },
  });
  await happy('GetIngestConfiguration', { arn: made.arn }, { ingestConfiguration: two });
  await refused('UpdateIngestConfiguration', 'ResourceNotFoundException', { arn: made.arn, stageArn: missing(stage.arn) });
  await happy('UpdateIngestConfiguration', { arn: made.arn, redundantIngest: false, stageArn: '' }, { ingestConfiguration: { ...made, stageArn: '', streamKey } });
  await call('UpdateIngestConfiguration', { arn: made.arn, stageArn: stage.arn });
  await call('DeleteStage', { arn: stage.arn });
  await until('the deleted stage is let go', () => call('GetIngestConfiguration', { arn: made.arn }), (a) => a.ingestConfiguration.stageArn === '');
  await happy('DeleteIngestConfiguration', { arn: made.arn }, {});
  await refused('GetIngestConfiguration', 'ResourceNotFoundException', { arn: made.arn });
});

test('an ingest configuration rests while somebody publishes by it', async () => {
  const { stage } = await call('CreateStage', {});
  const { ingestConfiguration: made } = await call('CreateIngestConfiguration', { ingestProtocol: 'RTMPS', stageArn: stage.arn });
  await stagehand('publish', { whip: stage.endpoints.whip, token: made.streamKey });
  await until('the configuration is active', () => call('GetIngestConfiguration', { arn: made.arn }), (a) => a.ingestConfiguration.state === 'ACTIVE');
  await happy('ListIngestConfigurations', { filterByState: 'ACTIVE' }, { ingestConfigurations: [{ ...summary(made), state: 'ACTIVE' }] });
  await refused('UpdateIngestConfiguration', 'ConflictException', { arn: made.arn, stageArn: '' });
  await refused('DeleteIngestConfiguration', 'ConflictException', { arn: made.arn });
  await happy('DeleteIngestConfiguration', { arn: made.arn, force: true }, {});
});

test('what is not here or not ours is refused', async () => {
  const { stage } = await call('CreateStage', {});
  for (const [kind, name] of [['encoder-configuration', 'Encoder'], ['storage-configuration', 'Storage'], ['ingest-configuration', 'Ingest']]) {
    const named = stage.arn.replace(':stage/', `:${kind}/`);
    for (const verb of ['Get', 'Delete', ...(name === 'Ingest' ? ['Update'] : [])]) {
      await refused(`${verb}${name}Configuration`, 'ResourceNotFoundException', { arn: missing(named) }, /doesNotExist/);
      await refused(`${verb}${name}Configuration`, 'ValidationException', { arn: abroad(named) });
      await refused(`${verb}${name}Configuration`, 'ValidationException', { arn: stage.arn });
    }
    await refused(`List${name}Configurations`, 'ValidationException', { maxResults: 101 }, /maxResults/);
  }
});
