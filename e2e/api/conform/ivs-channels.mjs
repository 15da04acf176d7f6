// ivs: channels and stream keys.
import test from 'node:test';
import assert from 'node:assert/strict';
import { region, abroad, missing } from '../common.mjs';
import { arn, exactly, judge, including, pick, tags } from './kit.mjs';
import { plainChannel, tailor } from './samples.mjs';

const ivs = judge('ivs');
const { happy, refused, call } = ivs;

const streamKey = { arn: arn('ivs', 'stream-key'), channelArn: arn('ivs', 'channel'), tags: {}, value: new RegExp(`^sk_${region}_[A-Za-z0-9]{12}_[A-Za-z0-9]{30,}$`) };
const summary = (c) => pick(c, 'adConfigurationArn', 'arn', 'authorized', 'insecureIngest', 'latencyMode', 'name',
  'playbackRestrictionPolicyArn', 'preset', 'recordingConfigurationArn', 'tags', 'type');

test('a channel of which nothing is said has the defaults', async () => {
  const { channel, streamKey: key } = await happy('CreateChannel', {}, { channel: plainChannel, streamKey });
  assert.equal(key.channelArn, channel.arn);
  assert.ok(channel.playbackUrl.includes(channel.arn.split('/')[1]));
  await happy('GetChannel', { arn: channel.arn }, { channel });
  await happy('UpdateChannel', { arn: channel.arn }, { channel });
  await happy('DeleteChannel', { arn: channel.arn }, {});
  await refused('GetChannel', 'ResourceNotFoundException', { arn: channel.arn });
  await refused('GetStreamKey', 'ResourceNotFoundException', { arn: key.arn });
});

test('a channel is shown, changed and found as it was told to be', async () => {
  const told = {
    name: 'told', type: 'ADVANCED_HD', preset: 'CONSTRAINED_BANDWIDTH_DELIVERY', latencyMode: 'NORMAL', authorized: true,
    insecureIngest: true, tags: { a: 'b' },
  };
  const { channel } = await happy('CreateChannel', told, { channel: { ...plainChannel, ...told }, streamKey });
  await happy('GetChannel', { arn: channel.arn }, { channel });
  await happy('ListChannels', { filterByName: 'told' }, { channels: [summary(channel)] });
  await happy('ListChannels', { filterByName: 'tol' }, { channels: [] });
  await happy('BatchGetChannel', { arns: [missing(channel.arn), channel.arn, channel.arn] }, {
    channels: [channel], errors: [{ arn: missing(channel.arn), code: '404', message: /./ }],
  });
  const { channel: changed } = await happy('UpdateChannel', { arn: channel.arn, name: 'changed', latencyMode: 'LOW' }, {
    channel: { ...channel, name: 'changed', latencyMode: 'LOW' },
  });
  const basic = { ...changed, type: 'BASIC', preset: '', authorized: false, insecureIngest: false };
  await happy('UpdateChannel', { arn: channel.arn, type: 'BASIC', authorized: false, insecureIngest: false }, { channel: basic });
  const advanced = { ...basic, type: 'ADVANCED_SD', preset: 'HIGHER_BANDWIDTH_DELIVERY' };
  await happy('UpdateChannel', { arn: channel.arn, type: 'ADVANCED_SD' }, { channel: advanced });
  await happy('GetChannel', { arn: channel.arn }, { channel: advanced });
  await tags(ivs, channel.arn);
});

test('multitrack input is taken with what it needs only', async () => {
  const multitrackInputConfiguration = { enabled: true, policy: 'REQUIRE', maximumResolution: 'HD' };
  const told = { type: 'STANDARD', containerFormat: 'FRAGMENTED_MP4', multitrackInputConfiguration };
  await happy('CreateChannel', told, { channel: { ...plainChannel, ...told }, streamKey });
  for (const wrong of [
    { containerFormat: 'TS' }, { type: 'BASIC' }, { multitrackInputConfiguration: { enabled: true } },
    { multitrackInputConfiguration: { ...multitrackInputConfiguration, policy: undefined } },
  ]) await refused('CreateChannel', 'ValidationException', { ...told, ...wrong });
  await refused('CreateChannel', 'ValidationException', { type: 'BASIC', preset: 'HIGHER_BANDWIDTH_DELIVERY' }, /preset/);
});

test('a channel refers to what exists, and lets go', async () => {
  const { adConfiguration } = await call('CreateAdConfiguration', { mediaTailorPlaybackConfigurations: [{ playbackConfigurationArn: tailor('ads') }] });
  const { playbackRestrictionPolicy } = await call('CreatePlaybackRestrictionPolicy', {});
  const refs = { adConfigurationArn: adConfiguration.arn, playbackRestrictionPolicyArn: playbackRestrictionPolicy.arn };
  const { channel } = await happy('CreateChannel', refs, { channel: { ...plainChannel, ...refs }, streamKey });
  await happy('ListChannels', { filterByAdConfigurationArn: refs.adConfigurationArn }, { channels: [summary(channel)] });
  await happy('ListChannels', { filterByPlaybackRestrictionPolicyArn: refs.playbackRestrictionPolicyArn }, { channels: [summary(channel)] });
  await refused('ListChannels', 'ConflictException', { filterByName: 'x', ...{ filterByAdConfigurationArn: refs.adConfigurationArn } });

  await refused('DeleteAdConfiguration', 'ConflictException', { arn: refs.adConfigurationArn });
  await refused('DeletePlaybackRestrictionPolicy', 'ConflictException', { arn: refs.playbackRestrictionPolicyArn });
  await refused('CreateChannel', 'ValidationException', { adConfigurationArn: refs.adConfigurationArn, containerFormat: 'FRAGMENTED_MP4' });
  await refused('UpdateChannel', 'ValidationException', { arn: channel.arn, containerFormat: 'FRAGMENTED_MP4' });
  for (const name of Object.keys(refs)) {
    await refused('CreateChannel', 'ResourceNotFoundException', { [name]: missing(refs[name]) });
    await refused('UpdateChannel', 'ResourceNotFoundException', { arn: channel.arn, [name]: missing(refs[name]) });
  }

  await happy('UpdateChannel', { arn: channel.arn, adConfigurationArn: '', playbackRestrictionPolicyArn: '' }, {
    channel: { ...channel, adConfigurationArn: '', playbackRestrictionPolicyArn: '' },
  });
  await happy('DeleteAdConfiguration', { arn: refs.adConfigurationArn }, {});
  await happy('DeletePlaybackRestrictionPolicy', { arn: refs.playbackRestrictionPolicyArn }, {});
});

test('a channel has one stream key, and a new one after the old', async () => {
  const { channel, streamKey: first } = await call('CreateChannel', { tags: { a: 'b' } });
  await happy('GetStreamKey', { arn: first.arn }, { streamKey: { ...streamKey, ...first } });
  const { value, ...summed } = first;
  await happy('ListStreamKeys', { channelArn: channel.arn }, { streamKeys: [summed] });
  await refused('CreateStreamKey', 'ServiceQuotaExceededException', { channelArn: channel.arn });
  await happy('DeleteStreamKey', { arn: first.arn }, {});
  await happy('ListStreamKeys', { channelArn: channel.arn }, { streamKeys: [] });
  const { streamKey: second } = await happy('CreateStreamKey', { channelArn: channel.arn, tags: { a: 'b' } }, {
    streamKey: { ...streamKey, channelArn: channel.arn, tags: { a: 'b' } },
  });
  assert.notEqual(second.value, value);
  await happy('BatchGetStreamKey', { arns: [first.arn, second.arn] }, {
    streamKeys: [second], errors: [{ arn: first.arn, code: '404', message: /./ }],
  });
  await tags(ivs, second.arn);
});

test('what is not here or not ours is refused', async () => {
  const { channel, streamKey: key } = await call('CreateChannel', {});
  for (const name of ['GetChannel', 'UpdateChannel', 'DeleteChannel']) {
    await refused(name, 'ResourceNotFoundException', { arn: missing(channel.arn) }, /doesNotExist/);
    await refused(name, 'ValidationException', { arn: abroad(channel.arn) }, new RegExp(region));
    await refused(name, 'ValidationException', { arn: key.arn });
    await refused(name, 'ValidationException', {}, /arn/);
  }
  for (const name of ['GetStreamKey', 'DeleteStreamKey']) {
    await refused(name, 'ResourceNotFoundException', { arn: missing(key.arn) });
    await refused(name, 'ValidationException', { arn: channel.arn });
  }
  for (const name of ['CreateStreamKey', 'ListStreamKeys']) {
    await refused(name, 'ResourceNotFoundException', { channelArn: missing(channel.arn) });
    await refused(name, 'ValidationException', { channelArn: 'channel' });
  }
  for (const name of ['BatchGetChannel', 'BatchGetStreamKey']) {
    await refused(name, 'ValidationException', { arns: [] });
    await refused(name, 'ValidationException', { arns: Array.from({ length: 51 }, () => channel.arn) });
  }
  await refused('CreateChannel', 'ValidationException', { name: 'a b' }, /name/);
  await refused('CreateChannel', 'ValidationException', { type: 'HUGE' }, /type/);
  await refused('CreateChannel', 'ValidationException', { tags: { 'aws:x': 'y' } });
  await refused('ListChannels', 'ValidationException', { maxResults: 101 }, /maxResults/);
  for (const name of ['ListTagsForResource', 'TagResource', 'UntagResource']) {
    const more = { tags: { a: 'b' }, tagKeys: ['a'] };
    await refused(name, 'ResourceNotFoundException', { resourceArn: missing(channel.arn), ...more });
    await refused(name, 'ValidationException', { resourceArn: abroad(channel.arn), ...more });
    await refused(name, 'ValidationException', { resourceArn: channel.arn.replace('aws:ivs', 'aws:ivschat'), ...more });
  }
  exactly((await call('ListChannels', {})).channels, including(summary(channel)));
});
