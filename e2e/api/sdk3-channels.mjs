// AWS SDK for JavaScript v3: channels and stream keys.
import test from 'node:test';
import assert from 'node:assert/strict';
import * as ivs from '@aws-sdk/client-ivs';
import { options, region, abroad, missing, refused } from './common.mjs';

const client = new ivs.IvsClient(options);
const call = (name, input = {}) => client.send(new ivs[`${name}Command`](input));

test('a channel comes with its stream key and is found again', async () => {
  const { channel, streamKey } = await call('CreateChannel', { name: 'sdk3', type: 'BASIC', latencyMode: 'NORMAL', tags: { a: 'b' } });
  assert.match(channel.arn, new RegExp(`^arn:aws:ivs:${region}:\\d{12}:channel/[A-Za-z0-9]{12}$`));
  assert.equal(channel.type, 'BASIC');
  assert.equal(channel.latencyMode, 'NORMAL');
  assert.equal(channel.authorized, false);
  assert.deepEqual(channel.tags, { a: 'b' });
  assert.ok(channel.ingestEndpoint);
  assert.match(channel.playbackUrl, new RegExp(`/api/video/v1/${region}\\.\\d{12}\\.channel\\.${channel.arn.split('/')[1]}\\.m3u8$`));
  assert.match(streamKey.value, new RegExp(`^sk_${region}_`));
  assert.equal(streamKey.channelArn, channel.arn);

  const got = await call('GetChannel', { arn: channel.arn });
  assert.deepEqual(got.channel, channel);
  const { streamKeys } = await call('ListStreamKeys', { channelArn: channel.arn });
  assert.deepEqual(streamKeys.map((k) => k.arn), [streamKey.arn]);
  assert.equal(streamKeys[0].value, undefined);
  assert.equal((await call('GetStreamKey', { arn: streamKey.arn })).streamKey.value, streamKey.value);
  const batch = await call('BatchGetChannel', { arns: [channel.arn, missing(channel.arn)] });
  assert.deepEqual(batch.channels.map((c) => c.arn), [channel.arn]);
  assert.equal(batch.errors[0].arn, missing(channel.arn));
  const listed = await call('ListChannels', { filterByName: 'sdk3' });
  assert.deepEqual(listed.channels.map((c) => c.arn), [channel.arn]);

  await refused(call('CreateStreamKey', { channelArn: channel.arn }), 'ServiceQuotaExceededException', 402);
  await call('DeleteStreamKey', { arn: streamKey.arn });
  const fresh = await call('CreateStreamKey', { channelArn: channel.arn, tags: { c: 'd' } });
  assert.notEqual(fresh.streamKey.value, streamKey.value);

  const updated = await call('UpdateChannel', { arn: channel.arn, name: 'renamed' });
  assert.equal(updated.channel.name, 'renamed');
  assert.equal(updated.channel.type, 'BASIC');
  await refused(call('GetStream', { channelArn: channel.arn }), 'ChannelNotBroadcasting', 404);
  await refused(call('StopStream', { channelArn: channel.arn }), 'ChannelNotBroadcasting', 404);
  assert.deepEqual((await call('ListStreams')).streams, []);

  await call('TagResource', { resourceArn: channel.arn, tags: { 'x y': 'é' } });
  await call('UntagResource', { resourceArn: channel.arn, tagKeys: ['a', 'never there'] });
  assert.deepEqual((await call('ListTagsForResource', { resourceArn: channel.arn })).tags, { 'x y': 'é' });

  await call('DeleteChannel', { arn: channel.arn });
  const gone = await refused(call('GetChannel', { arn: channel.arn }), 'ResourceNotFoundException', 404);
  assert.ok(gone instanceof ivs.ResourceNotFoundException);
  assert.ok(gone.exceptionMessage);
  await refused(call('GetStreamKey', { arn: fresh.streamKey.arn }), 'ResourceNotFoundException', 404);
});

test('channels come in pages', async () => {
  const made = [];
  for (let i = 0; i < 3; i++) made.push((await call('CreateChannel', { name: 'paged' })).channel.arn);
  const seen = [];
  for await (const page of ivs.paginateListChannels({ client, pageSize: 2 }, { filterByName: 'paged' })) {
    seen.push(...page.channels.map((c) => c.arn));
  }
  assert.deepEqual(seen, made.reverse());
});

test('channel requests that break a rule are refused by name', async () => {
  const { channel } = await call('CreateChannel');
  const recording = channel.arn.replace(':channel/', ':recording-configuration/');
  const invalid = await refused(call('GetChannel', { arn: abroad(channel.arn) }), 'ValidationException', 400, new RegExp(region));
  assert.ok(invalid instanceof ivs.ValidationException);
  await refused(call('CreateChannel', { name: 'a b' }), 'ValidationException', 400, /name/);
  await refused(call('CreateChannel', { type: 'HUGE' }), 'ValidationException', 400, /type/);
  await refused(call('GetChannel', {}), 'ValidationException', 400, /arn/);
  await refused(call('ListChannels', { filterByName: 'a', filterByRecordingConfigurationArn: recording }), 'ConflictException', 409);
  const stranger = new ivs.IvsClient({ ...options, credentials: { ...options.credentials, secretAccessKey: 'wrong' } });
  await refused(stranger.send(new ivs.ListChannelsCommand({})), 'InvalidSignatureException', 403);
  const elsewhere = new ivs.IvsClient({ ...options, region: 'eu-west-1' });
  await refused(elsewhere.send(new ivs.ListChannelsCommand({})), 'InvalidSignatureException', 403, new RegExp(region));
});
