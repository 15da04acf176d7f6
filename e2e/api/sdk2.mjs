// AWS SDK for JavaScript v2, which old programs still use.
import test from 'node:test';
import assert from 'node:assert/strict';
import AWS from 'aws-sdk';
import { endpoint, region, credentials, abroad, attributes, payload } from './common.mjs';

const options = { endpoint, region, credentials, maxRetries: 0 };
const ivs = new AWS.IVS(options);
const rt = new AWS.IVSRealTime(options);
const chat = new AWS.Ivschat(options);

async function refused(request, code, status, hint) {
  const error = await request.promise().then(() => assert.fail('accepted'), (e) => e);
  assert.equal(error.code, code, String(error));
  assert.equal(error.statusCode, status);
  assert.match(error.message, hint);
}

test('a chat token is made as in the documentation', async () => {
  const { arn } = await chat.createRoom({ name: 'sdk2' }).promise();
  const made = await chat.createChatToken({ roomIdentifier: arn, userId: '11231234', capabilities: ['SEND_MESSAGE'] }).promise();
  assert.match(made.token, /^[A-Za-z0-9._-]+$/);
  assert.ok(made.tokenExpirationTime instanceof Date);
  await refused(chat.createChatToken({ roomIdentifier: abroad(arn), userId: 'ann' }), 'ValidationException', 400, new RegExp(region));
  await refused(chat.createChatToken({ roomIdentifier: arn, userId: 'ann', attributes: attributes(1025) }), 'ValidationException', 400, /attributes/);
});

test('a numeric user id fails clearly, in the client and in the server', async () => {
  const { arn } = await chat.createRoom().promise();
  const input = { roomIdentifier: arn, userId: 11231234, capabilities: ['SEND_MESSAGE'] };
  await refused(chat.createChatToken(input), 'InvalidParameterType', undefined, /userId to be a string/);
  // This SDK turns numbers into strings when it is told not to check, so the number goes by hand.
  const trusting = new AWS.Ivschat({ ...options, paramValidation: false, convertResponseTypes: false });
  const request = trusting.createChatToken({ roomIdentifier: arn, userId: 'x' });
  request.on('build', () => {
    request.httpRequest.body = JSON.stringify(input);
    request.httpRequest.headers['Content-Length'] = Buffer.byteLength(request.httpRequest.body);
  });
  await refused(request, 'SerializationException', 400, /userId must be a string, not a number/);
});

test('channels, stages and participant tokens work as well', async () => {
  const { channel, streamKey } = await ivs.createChannel({ name: 'sdk2' }).promise();
  assert.ok(streamKey.value);
  assert.deepEqual((await ivs.listChannels({ filterByName: 'sdk2' }).promise()).channels.map((c) => c.arn), [channel.arn]);
  await ivs.tagResource({ resourceArn: channel.arn, tags: { 'x y': 'é' } }).promise();
  assert.deepEqual((await ivs.listTagsForResource({ resourceArn: channel.arn }).promise()).tags, { 'x y': 'é' });
  await refused(ivs.getStream({ channelArn: channel.arn }), 'ChannelNotBroadcasting', 404, /./);

  const { stage } = await rt.createStage({}).promise();
  const { participantToken } = await rt.createParticipantToken({ stageArn: stage.arn, userId: 'ann' }).promise();
  assert.equal(payload(participantToken.token).resource, stage.arn);
  await refused(rt.createParticipantToken({ stageArn: stage.arn, duration: 20161 }), 'ValidationException', 400, /duration/);
});
