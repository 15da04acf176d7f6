// AWS SDK for JavaScript v3: rooms and chat tokens.
import test from 'node:test';
import assert from 'node:assert/strict';
import * as chat from '@aws-sdk/client-ivschat';
import { options, region, abroad, missing, refused, attributes } from './common.mjs';

const client = new chat.IvschatClient(options);
const call = (name, input = {}) => client.send(new chat[`${name}Command`](input));
const bare = ({ $metadata, ...rest }) => rest;

test('a room is made, changed, listed and deleted', async () => {
  const made = bare(await call('CreateRoom', { name: 'sdk3', maximumMessageRatePerSecond: 5, tags: { a: 'b' } }));
  assert.match(made.arn, new RegExp(`^arn:aws:ivschat:${region}:\\d{12}:room/[A-Za-z0-9]{12}$`));
  assert.equal(made.id, made.arn.split('/')[1]);
  assert.equal(made.maximumMessageRatePerSecond, 5);
  assert.equal(made.maximumMessageLength, 500);
  assert.deepEqual(made.createTime, made.updateTime);
  assert.deepEqual(bare(await call('GetRoom', { identifier: made.arn })), made);
  const updated = await call('UpdateRoom', { identifier: made.arn, maximumMessageLength: 1 });
  assert.equal(updated.maximumMessageLength, 1);
  assert.equal(updated.maximumMessageRatePerSecond, 5);
  assert.ok(updated.updateTime >= made.updateTime);
  const { rooms } = await call('ListRooms', { name: 'sdk3' });
  assert.deepEqual(rooms.map((r) => [r.arn, r.tags]), [[made.arn, { a: 'b' }]]);

  await call('TagResource', { resourceArn: made.arn, tags: { 'x y': 'é' } });
  await call('UntagResource', { resourceArn: made.arn, tagKeys: ['a'] });
  assert.deepEqual((await call('ListTagsForResource', { resourceArn: made.arn })).tags, { 'x y': 'é' });
  assert.match((await call('SendEvent', { roomIdentifier: made.arn, eventName: 'goal' })).id, /^[A-Za-z0-9]{12}$/);
  assert.match((await call('DeleteMessage', { roomIdentifier: made.arn, id: 'AbCdEfGh1234' })).id, /^[A-Za-z0-9]{12}$/);
  await call('DisconnectUser', { roomIdentifier: made.arn, userId: 'nobody' });

  await call('DeleteRoom', { identifier: made.arn });
  const gone = await refused(call('GetRoom', { identifier: made.arn }), 'ResourceNotFoundException', 404);
  assert.ok(gone instanceof chat.ResourceNotFoundException);
  assert.equal(gone.resourceId, made.id);
  assert.equal(gone.resourceType, 'ROOM');
});

test('a chat token lasts a minute, its session an hour', async () => {
  const { arn } = await call('CreateRoom');
  const before = Date.now() - 1;
  const made = await call('CreateChatToken', { roomIdentifier: arn, userId: 'ann' });
  assert.match(made.token, /^[A-Za-z0-9._-]+$/);
  const life = made.tokenExpirationTime - before;
  assert.ok(life >= 60_000 && life < 75_000, `${life} ms`);
  assert.equal(made.sessionExpirationTime - made.tokenExpirationTime, 59 * 60_000);
});

test('chat requests that break a rule are refused by name', async () => {
  const { arn } = await call('CreateRoom');
  const token = (more) => call('CreateChatToken', { roomIdentifier: arn, userId: 'ann', ...more });
  const invalid = await refused(token({ attributes: attributes(1025) }), 'ValidationException', 400, /attributes/);
  assert.ok(invalid instanceof chat.ValidationException);
  assert.equal(invalid.reason, 'FIELD_VALIDATION_FAILED');
  assert.equal(invalid.fieldList[0].name, 'attributes');
  await refused(token({ sessionDurationInMinutes: 181 }), 'ValidationException', 400, /sessionDurationInMinutes/);
  await refused(token({ roomIdentifier: abroad(arn) }), 'ValidationException', 400, new RegExp(region));
  await refused(token({ roomIdentifier: undefined }), 'ValidationException', 400, /roomIdentifier/);
  await refused(token({ roomIdentifier: missing(arn) }), 'ResourceNotFoundException', 404);
  await refused(token({ userId: 11231234 }), 'SerializationException', 400, /userId must be a string, not a number/);
});
