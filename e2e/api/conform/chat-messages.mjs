// ivschat: chat tokens, and what is sent to a room by the API.
import test from 'node:test';
import assert from 'node:assert/strict';
import { abroad, attributes, missing } from '../common.mjs';
import { id, judge, later } from './kit.mjs';

const { happy, refused, call } = judge('ivschat');

test('a chat token lasts a minute, its session as long as was asked for', async () => {
  const { arn: roomIdentifier } = await call('CreateRoom', {});
  const lasting = (minutes) => ({ token: /^[A-Za-z0-9._-]+$/, tokenExpirationTime: later(60_000), sessionExpirationTime: later(minutes * 60_000) });
  const token = { roomIdentifier, userId: 'ann' };
  const made = await happy('CreateChatToken', token, lasting(60));
  assert.equal(made.sessionExpirationTime - made.tokenExpirationTime, 59 * 60_000);
  await happy('CreateChatToken', {
    ...token, sessionDurationInMinutes: 180, attributes: attributes(1024), capabilities: ['SEND_MESSAGE', 'DISCONNECT_USER', 'DELETE_MESSAGE'],
  }, lasting(180));
  await refused('CreateChatToken', 'ValidationException', { ...token, sessionDurationInMinutes: 181 }, /sessionDurationInMinutes/);
  await refused('CreateChatToken', 'ValidationException', { ...token, attributes: attributes(1025) }, /attributes/);
  await refused('CreateChatToken', 'ValidationException', { roomIdentifier }, /userId/);
});

test('messages are deleted, events sent and users disconnected, whoever listens', async () => {
  const { arn: roomIdentifier } = await call('CreateRoom', {});
  await happy('SendEvent', { roomIdentifier, eventName: 'goal', attributes: { by: '7' } }, { id: id(12) });
  await happy('DeleteMessage', { roomIdentifier, id: 'AbCdEfGh1234', reason: 'rude' }, { id: id(12) });
  await happy('DisconnectUser', { roomIdentifier, userId: 'nobody', reason: 'enough' }, {});
});

test('what is not here or not ours is refused', async () => {
  const { arn: room } = await call('CreateRoom', {});
  for (const [name, input] of [
    ['CreateChatToken', { userId: 'ann' }], ['SendEvent', { eventName: 'goal' }], ['DeleteMessage', { id: 'AbCdEfGh1234' }], ['DisconnectUser', { userId: 'ann' }],
  ]) {
    await refused(name, 'ResourceNotFoundException', { roomIdentifier: missing(room), ...input });
    await refused(name, 'ValidationException', { roomIdentifier: abroad(room), ...input });
    await refused(name, 'ValidationException', input, /roomIdentifier/);
  }
  await refused('SendEvent', 'ValidationException', { roomIdentifier: room, eventName: 'x'.repeat(101) }, /eventName/);
  await refused('SendEvent', 'ValidationException', { roomIdentifier: room, eventName: 'goal', attributes: attributes(1025) }, /attributes/);
  await refused('DeleteMessage', 'ValidationException', { roomIdentifier: room, id: 'short' }, /id/);
});
