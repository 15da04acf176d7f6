// amazon-ivs-chat-messaging, Amazon's client of the chat socket.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import * as ivschat from '@aws-sdk/client-ivschat';
import { endpoint, options } from './common.mjs';

globalThis.WebSocket ??= WebSocket; // the client expects a browser's
const { ChatRoom, SendMessageRequest, DeleteMessageRequest, DisconnectUserRequest } = createRequire(import.meta.url)('amazon-ivs-chat-messaging');

const api = new ivschat.IvschatClient(options);
const regionOrUrl = endpoint.replace(/^http/, 'ws');

const newRoom = async () => (await api.send(new ivschat.CreateRoomCommand({}))).arn;

const newToken = async (roomIdentifier, userId, capabilities, attributes) => {
  const { token, sessionExpirationTime, tokenExpirationTime } = await api.send(
    new ivschat.CreateChatTokenCommand({ roomIdentifier, userId, capabilities, attributes }),
  );
  return { token, sessionExpirationTime, tokenExpirationTime };
};

/** Wants something to happen, within a time that is long for a machine. */
const soon = (what, promise) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing came`)), 20_000).unref();
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const next = (room, event) => soon(event, new Promise((resolve) => {
  const stop = room.addListener(event, (value) => {
    stop();
    resolve(value);
  });
}));

/** A connected client; t disconnects it at its end. */
async function join(t, tokenProvider) {
  const room = new ChatRoom({ regionOrUrl, tokenProvider, maxReconnectAttempts: 0 });
  room.logLevel = 'error';
  t.after(() => room.disconnect());
  const outcome = Promise.race([
    next(room, 'connect').then(() => null),
    next(room, 'disconnect').then((reason) => reason),
  ]);
  room.connect();
  const reason = await outcome;
  return { room, reason };
}

const everything = ['SEND_MESSAGE', 'DELETE_MESSAGE', 'DISCONNECT_USER'];

test('a message comes back to its sender and reaches the others', async (t) => {
  const arn = await newRoom();
  const { room: ann } = await join(t, () => newToken(arn, 'ann', everything, { colour: 'red' }));
  const { room: bob } = await join(t, () => newToken(arn, 'bob'));
  const [own, heard] = [next(ann, 'message'), next(bob, 'message')];
  const sent = await soon('answer', ann.sendMessage(new SendMessageRequest('hé <b>🐱</b>', { k: 'v' })));
  for (const message of [sent, await own, await heard]) {
    assert.equal(message.id, sent.id);
    assert.equal(message.content, 'hé <b>🐱</b>');
    assert.deepEqual(message.attributes, { k: 'v' });
    assert.equal(message.sender.userId, 'ann');
    assert.deepEqual(message.sender.attributes, { colour: 'red' });
    assert.ok(Math.abs(message.sendTime - Date.now()) < 60_000);
  }
});

test('a message is deleted for everybody', async (t) => {
  const arn = await newRoom();
  const { room: ann } = await join(t, () => newToken(arn, 'ann', everything));
  const { room: bob } = await join(t, () => newToken(arn, 'bob', ['SEND_MESSAGE']));
  const { id } = await soon('answer', bob.sendMessage(new SendMessageRequest('spam')));
  const heard = next(bob, 'messageDelete');
  const answer = await soon('answer', ann.deleteMessage(new DeleteMessageRequest(id, 'rude')));
  for (const event of [answer, await heard]) {
    assert.equal(event.messageId, id);
    assert.equal(event.reason, 'rude');
  }
});

test('a user is disconnected and told why', async (t) => {
  const arn = await newRoom();
  const { room: ann } = await join(t, () => newToken(arn, 'ann', everything));
  const { room: bob } = await join(t, () => newToken(arn, 'bob'));
  const [heard, left] = [next(bob, 'userDisconnect'), next(bob, 'disconnect')];
  const answer = await soon('answer', ann.disconnectUser(new DisconnectUserRequest('bob', 'enough')));
  for (const event of [answer, await heard]) {
    assert.equal(event.userId, 'bob');
    assert.equal(event.reason, 'enough');
  }
  assert.equal(await left, 'serverDisconnect');
  assert.equal(ann.state, 'connected');
});

test('what a token does not allow is refused', async (t) => {
  const { room } = await join(t, async () => newToken(await newRoom(), 'bob'));
  const error = await soon('refusal', room.sendMessage(new SendMessageRequest('hello')).then(() => assert.fail('accepted'), (e) => e));
  assert.equal(error.errorCode, 403);
});

test('events of the API arrive', async (t) => {
  const arn = await newRoom();
  const { room } = await join(t, () => newToken(arn, 'ann'));
  const heard = next(room, 'event');
  const { id } = await api.send(new ivschat.SendEventCommand({ roomIdentifier: arn, eventName: 'goal', attributes: { by: '7' } }));
  const event = await heard;
  assert.equal(event.id, id);
  assert.equal(event.eventName, 'goal');
  assert.deepEqual(event.attributes, { by: '7' });
});

test('a second use of a token is refused', async (t) => {
  const token = await newToken(await newRoom(), 'ann', everything);
  const first = await join(t, async () => token);
  assert.equal(first.reason, null);
  const second = await join(t, async () => token);
  assert.equal(second.reason, 'socketError');
  assert.equal(first.room.state, 'connected');
});

test('a message is reviewed before it is said', async (t) => {
  const uri = process.env.STREAMCAT_REVIEW_HANDLER;
  const { arn } = await api.send(new ivschat.CreateRoomCommand({ messageReviewHandler: { uri, fallbackResult: 'DENY' } }));
  const { room: ann } = await join(t, () => newToken(arn, 'ann', everything));
  const { room: bob } = await join(t, () => newToken(arn, 'bob'));
  const heard = next(bob, 'message');
  const error = await soon('refusal', ann.sendMessage(new SendMessageRequest('why?')).then(() => assert.fail('accepted'), (e) => e));
  assert.equal(error.errorCode, 406);
  assert.equal(error.errorMessage, 'No questions here, please.');
  const said = await soon('answer', ann.sendMessage(new SendMessageRequest('because', { k: 'v' })));
  for (const message of [said, await heard]) { // the refused one would have been heard first
    assert.equal(message.id, said.id);
    assert.equal(message.content, 'BECAUSE');
    assert.deepEqual(message.attributes, { k: 'v' });
  }
});
