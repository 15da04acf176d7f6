// A key whose policy allows nothing is denied every operation, by name, whatever it asks for.
import test from 'node:test';
import assert from 'node:assert/strict';
import { facts, judge } from './kit.mjs';

const [accessKeyId, secretAccessKey] = process.env.STREAMCAT_POWERLESS.split(' ');
const [narrowId, narrowSecret] = process.env.STREAMCAT_NARROW.split(' ');

for (const [service, arn, signing] of [
  ['ivs', 'arn:aws:ivs:us-east-1:000000000000:channel/abcdefghijkl', 'ivs'],
  ['ivs-realtime', 'arn:aws:ivs:us-east-1:000000000000:stage/abcdefghijkl', 'ivs'],
  ['ivschat', 'arn:aws:ivschat:us-east-1:000000000000:room/abcdefghijkl', 'ivschat'],
]) {
  const { refused } = judge(service, { credentials: { accessKeyId, secretAccessKey } });
  const input = {};
  for (const member of ['arn', 'channelArn', 'stageArn', 'sourceStageArn', 'identifier', 'roomIdentifier', 'resourceArn']) input[member] = arn;
  for (const operation of Object.keys(facts[service])) {
    test(`${service} ${operation} is denied`, async () => {
      const error = await refused(operation, 'AccessDeniedException', { ...input, tags: {}, tagKeys: ['a'] }, new RegExp(`${signing}:${operation}\\b`));
      assert.ok(!error.message.includes(secretAccessKey));
    });
  }
}

test('a key that may do one thing does it', async () => {
  const { call, refused } = judge('ivs', { credentials: { accessKeyId: narrowId, secretAccessKey: narrowSecret } });
  await call('ListChannels', {});
  await refused('CreateChannel', 'AccessDeniedException', {}, /ivs:CreateChannel/);
});
