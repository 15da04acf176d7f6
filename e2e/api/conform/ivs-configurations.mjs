// ivs: recording configurations, playback restriction policies, ad configurations, playback keys.
import test from 'node:test';
import { abroad, missing } from '../common.mjs';
import { arn, exactly, including, judge, oneOf, pick, tags, until } from './kit.mjs';
import { plainChannel, publicKey, tailor } from './samples.mjs';

const ivs = judge('ivs');
const { happy, refused, call } = ivs;

const destinationConfiguration = { s3: { bucketName: 'recordings' } };
const plainRecording = {
  arn: arn('ivs', 'recording-configuration'), destinationConfiguration, name: '', recordingReconnectWindowSeconds: 0,
  renditionConfiguration: { renditionSelection: 'ALL' }, state: 'CREATING', tags: {},
  thumbnailConfiguration: { recordingMode: 'INTERVAL', targetIntervalSeconds: 60, storage: ['SEQUENTIAL'] },
};
const active = (recording) => until('the recording configuration is active',
  () => call('GetRecordingConfiguration', { arn: recording }), (a) => a.recordingConfiguration.state === 'ACTIVE');

test('a recording configuration becomes active, and is kept while in use', async () => {
  const { recordingConfiguration: made } = await happy('CreateRecordingConfiguration', { destinationConfiguration }, { recordingConfiguration: plainRecording });
  await refused('CreateChannel', 'ValidationException', { recordingConfigurationArn: made.arn });
  const { channel } = await call('CreateChannel', {});
  await refused('UpdateChannel', 'ConflictException', { arn: channel.arn, recordingConfigurationArn: made.arn });
  await active(made.arn);
  const ready = { ...made, state: 'ACTIVE' };
  await happy('GetRecordingConfiguration', { arn: made.arn }, { recordingConfiguration: ready });
  exactly((await call('ListRecordingConfigurations', { maxResults: 100 })).recordingConfigurations,
    including(pick(ready, 'arn', 'destinationConfiguration', 'name', 'state', 'tags')));

  await happy('UpdateChannel', { arn: channel.arn, recordingConfigurationArn: made.arn }, { channel: { ...channel, recordingConfigurationArn: made.arn } });
  exactly((await call('ListChannels', { filterByRecordingConfigurationArn: made.arn })).channels.map((c) => c.arn), [channel.arn]);
  await refused('DeleteRecordingConfiguration', 'ConflictException', { arn: made.arn });
  await refused('CreateChannel', 'ResourceNotFoundException', { recordingConfigurationArn: missing(made.arn) });
  await happy('UpdateChannel', { arn: channel.arn, recordingConfigurationArn: '' }, { channel: { ...plainChannel, ...channel } });
  await happy('DeleteRecordingConfiguration', { arn: made.arn }, {});
  await refused('GetRecordingConfiguration', 'ResourceNotFoundException', { arn: made.arn });
});

test('a recording configuration is shown as told', async () => {
  const told = {
    name: 'told', destinationConfiguration, recordingReconnectWindowSeconds: 300, tags: { a: 'b' },
    renditionConfiguration: { renditionSelection: 'CUSTOM', renditions: ['HD', 'LOWEST_RESOLUTION'] },
    thumbnailConfiguration: { recordingMode: 'INTERVAL', targetIntervalSeconds: 1, storage: ['SEQUENTIAL', 'LATEST'], resolution: 'SD' },
  };
  const { recordingConfiguration } = await happy('CreateRecordingConfiguration', told, { recordingConfiguration: { ...plainRecording, ...told } });
  await tags(ivs, recordingConfiguration.arn);
  const { recordingConfiguration: silent } = await call('CreateRecordingConfiguration', { destinationConfiguration, thumbnailConfiguration: { recordingMode: 'DISABLED' } });
  exactly(silent.thumbnailConfiguration.recordingMode, 'DISABLED');
  await refused('CreateRecordingConfiguration', 'ValidationException', { destinationConfiguration: {} });
  await refused('CreateRecordingConfiguration', 'ValidationException', { destinationConfiguration, renditionConfiguration: { renditionSelection: 'CUSTOM' } });
  await refused('CreateRecordingConfiguration', 'ValidationException', { destinationConfiguration, recordingReconnectWindowSeconds: 301 });
  await happy('ListRecordingConfigurations', { maxResults: 1 }, {
    recordingConfigurations: [{ ...pick(silent, 'arn', 'destinationConfiguration', 'name', 'tags'), state: oneOf('CREATING', 'ACTIVE') }], nextToken: /^[a-zA-Z0-9+/=_-]+$/,
  });
});

test('a playback restriction policy', async () => {
  const plain = { allowedCountries: [], allowedOrigins: [], arn: arn('ivs', 'playback-restriction-policy'), enableStrictOriginEnforcement: false, name: '', tags: {} };
  await happy('CreatePlaybackRestrictionPolicy', {}, { playbackRestrictionPolicy: plain });
  const told = { allowedCountries: ['DE', 'FR'], allowedOrigins: ['https://example.com'], enableStrictOriginEnforcement: true, name: 'told', tags: { a: 'b' } };
  const { playbackRestrictionPolicy: made } = await happy('CreatePlaybackRestrictionPolicy', told, { playbackRestrictionPolicy: { ...plain, ...told } });
  await happy('GetPlaybackRestrictionPolicy', { arn: made.arn }, { playbackRestrictionPolicy: made });
  await happy('ListPlaybackRestrictionPolicies', {}, { playbackRestrictionPolicies: [made], nextToken: /./ });
  const open = { ...made, allowedCountries: [], name: 'open' };
  await happy('UpdatePlaybackRestrictionPolicy', { arn: made.arn, allowedCountries: [], name: 'open' }, { playbackRestrictionPolicy: open });
  await happy('GetPlaybackRestrictionPolicy', { arn: made.arn }, { playbackRestrictionPolicy: open });
  await tags(ivs, made.arn);
  await refused('CreatePlaybackRestrictionPolicy', 'ValidationException', { allowedCountries: ['XX'] });
  await refused('CreatePlaybackRestrictionPolicy', 'ValidationException', { allowedOrigins: ['no origin'] });
  await refused('UpdatePlaybackRestrictionPolicy', 'ValidationException', { arn: made.arn, allowedCountries: ['ZZ'] });
  await happy('DeletePlaybackRestrictionPolicy', { arn: made.arn }, {});
  await refused('GetPlaybackRestrictionPolicy', 'ResourceNotFoundException', { arn: made.arn });
});

test('an ad configuration', async () => {
  const mediaTailorPlaybackConfigurations = [{ playbackConfigurationArn: tailor('one') }, { playbackConfigurationArn: tailor('two') }];
  const plain = { arn: arn('ivs', 'ad-configuration'), mediaTailorPlaybackConfigurations, name: '', tags: {} };
  await happy('CreateAdConfiguration', { mediaTailorPlaybackConfigurations }, { adConfiguration: plain });
  const told = { mediaTailorPlaybackConfigurations, name: 'told', tags: { a: 'b' } };
  const { adConfiguration: made } = await happy('CreateAdConfiguration', told, { adConfiguration: { ...plain, ...told } });
  await happy('GetAdConfiguration', { arn: made.arn }, { adConfiguration: made });
  await happy('ListAdConfigurations', { maxResults: 1 }, { adConfigurations: [made], nextToken: /./ });
  await tags(ivs, made.arn);
  await refused('CreateAdConfiguration', 'ValidationException', { mediaTailorPlaybackConfigurations: [] });
  await happy('DeleteAdConfiguration', { arn: made.arn }, {});
  await refused('GetAdConfiguration', 'ResourceNotFoundException', { arn: made.arn });
});

test('a playback key', async () => {
  const publicKeyMaterial = publicKey();
  const told = { name: 'told', tags: { a: 'b' } };
  const { keyPair } = await happy('ImportPlaybackKeyPair', { publicKeyMaterial, ...told }, {
    keyPair: { arn: arn('ivs', 'playback-key'), fingerprint: /^([0-9a-f]{2}:){15}[0-9a-f]{2}$/, ...told },
  });
  await happy('GetPlaybackKeyPair', { arn: keyPair.arn }, { keyPair });
  exactly((await call('ListPlaybackKeyPairs', {})).keyPairs, including(pick(keyPair, 'arn', 'name', 'tags')));
  await tags(ivs, keyPair.arn);
  await refused('ImportPlaybackKeyPair', 'ConflictException', { publicKeyMaterial });
  await refused('ImportPlaybackKeyPair', 'ValidationException', { publicKeyMaterial: publicKey('P-256') });
  await refused('ImportPlaybackKeyPair', 'ValidationException', { publicKeyMaterial: 'no key' });
  await happy('ImportPlaybackKeyPair', { publicKeyMaterial: publicKey() }, { keyPair: { ...keyPair, arn: arn('ivs', 'playback-key'), fingerprint: /./, name: '', tags: {} } });
  await happy('ListPlaybackKeyPairs', { maxResults: 1 }, { keyPairs: [{ arn: arn('ivs', 'playback-key'), name: '', tags: {} }], nextToken: /./ });
  await happy('DeletePlaybackKeyPair', { arn: keyPair.arn }, {});
  await refused('GetPlaybackKeyPair', 'ResourceNotFoundException', { arn: keyPair.arn });
});

test('what is not here or not ours is refused', async () => {
  const here = (await call('CreateChannel', {})).channel.arn;
  for (const [kind, name] of [
    ['recording-configuration', 'RecordingConfiguration'], ['playback-restriction-policy', 'PlaybackRestrictionPolicy'],
    ['ad-configuration', 'AdConfiguration'], ['playback-key', 'PlaybackKeyPair'],
  ]) {
    const named = here.replace(':channel/', `:${kind}/`);
    for (const verb of ['Get', 'Delete', ...(kind === 'playback-restriction-policy' ? ['Update'] : [])]) {
      await refused(verb + name, 'ResourceNotFoundException', { arn: missing(named) }, /doesNotExist/);
      await refused(verb + name, 'ValidationException', { arn: abroad(named) });
      await refused(verb + name, 'ValidationException', { arn: here });
    }
  }
  for (const name of ['ListRecordingConfigurations', 'ListPlaybackRestrictionPolicies', 'ListAdConfigurations', 'ListPlaybackKeyPairs']) {
    await refused(name, 'ValidationException', { maxResults: 0 }, /maxResults/);
    await refused(name, 'ValidationException', { maxResults: 101 }, /maxResults/);
  }
});
