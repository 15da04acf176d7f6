// amazon-ivs-chat-messaging in a room of two nodes: ann comes to either by a balancer, bob to the one that stays.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import WebSocket from 'ws';
import * as ivschat from '@aws-sdk/client-ivschat';
import { options } from './common.mjs';

globalThis.WebSocket ??= WebSocket; // the client expects a browser's
const { ChatRoom, SendMessageRequest } = createRequire(import.meta.url)('amazon-ivs-chat-messaging');
const { ANN_URL, BOB_URL } = process.env;

const api = new ivschat.IvschatClient(options);
const roomIdentifier = (await api.send(new ivschat.CreateRoomCommand({ maximumMessageRatePerSecond: 100 }))).arn;

setTimeout(() => {
  console.error('not done in time', ann?.heard.length, bob?.heard.length);
  process.exit(1);
}, 60_000).unref();

/** A connected client that writes down what it hears. */
async function join(regionOrUrl, userId) {
  const room = new ChatRoom({
    regionOrUrl,
    tokenProvider: async () => ({ token: (await api.send(new ivschat.CreateChatTokenCommand({ roomIdentifier, userId, capabilities: ['SEND_MESSAGE'] }))).token }),
  });
  room.logLevel = 'error';
  const person = { room, heard: [], connects: 0, changed: () => {} };
  room.addListener('message', ({ id, content }) => {
    person.heard.push(`${id} ${content}`);
    person.changed();
  });
  room.addListener('connect', () => {
    person.connects += 1;
    person.changed();
  });
  room.addListener('disconnect', (reason) => {
    if (!person.leaves) throw new Error(`${userId} was disconnected: ${reason}`);
  });
  room.connect();
  await until(person, () => person.connects === 1);
  return person;
}

const until = (person, holds) => new Promise((resolve) => {
  person.changed = () => holds() && resolve();
  person.changed();
});

const say = (person, from, n) => Array.from({ length: n }, (_, i) => person.room.sendMessage(new SendMessageRequest(`${from} ${i}`)));

const ann = await join(`${ANN_URL}/?history=500`, 'ann');
const bob = await join(BOB_URL, 'bob');

// Both speak at once, and hear one order.
await Promise.all([...say(ann, 'ann', 30), ...say(bob, 'bob', 30)]);
await Promise.all([until(ann, () => ann.heard.length === 60), until(bob, () => bob.heard.length === 60)]);
assert.deepEqual(ann.heard, bob.heard);

// Ann's node dies while bob speaks: she is back within the client's own retries, and neither misses a message.
console.log('kill');
await Promise.all([...say(bob, 'meanwhile', 30), until(ann, () => ann.connects >= 2)]);
await ann.room.sendMessage(new SendMessageRequest('back'));
await Promise.all([until(ann, () => ann.heard.length === 91), until(bob, () => bob.heard.length === 91)]);
assert.deepEqual(ann.heard, bob.heard);
assert.deepEqual(bob.heard.filter((text) => text.includes(' meanwhile ')).map((text) => text.split(' ')[2]), Array.from({ length: 30 }, (_, i) => `${i}`));

for (const person of [ann, bob]) {
  person.leaves = true;
  const gone = new Promise((resolve) => person.room.addListener('disconnect', resolve));
  person.room.disconnect();
  await gone;
}
