// What the SDKs' users get who sign wrongly, or whose SDK lets pass what JSON does not.
import test from 'node:test';
import assert from 'node:assert/strict';
import { options, region, missing } from '../common.mjs';
import { judge } from './kit.mjs';

const services = ['ivs', 'ivs-realtime', 'ivschat'];
const lists = { ivs: 'ListChannels', 'ivs-realtime': 'ListStages', ivschat: 'ListRooms' };

/** Wants a call to fail by a name that no model has. */
async function fails(promise, name, status, hint = /./) {
  const error = await promise.then((answer) => assert.fail(`accepted: ${JSON.stringify(answer)}`), (e) => e);
  assert.equal(error.name, name, error.message);
  assert.equal(error.$metadata.httpStatusCode, status);
  assert.match(error.message, hint);
  return error;
}

for (const service of services) {
  test(`${service}: a wrong secret, an unknown key and another region are refused`, async () => {
    const { credentials } = options;
    const as = (more) => judge(service, more).call(lists[service], {});
    await fails(as({ credentials: { ...credentials, secretAccessKey: 'wrong' } }), 'InvalidSignatureException', 403);
    await fails(as({ credentials: { ...credentials, accessKeyId: 'AKIAIOSFODNN7EXAMPLE' } }), 'UnrecognizedClientException', 403);
    await fails(as({ region: 'eu-west-1' }), 'InvalidSignatureException', 403, new RegExp(region));
  });
}

test('a value of another type is named', async () => {
  const chat = judge('ivschat');
  const { arn: roomIdentifier } = await chat.call('CreateRoom', {});
  await fails(chat.call('CreateChatToken', { roomIdentifier, userId: 11231234 }), 'SerializationException', 400, /userId must be a string, not a number/);
});

test('errors carry the members and headers of their models', async () => {
  for (const service of ['ivs', 'ivs-realtime']) {
    const { call } = judge(service);
    const [get, make, kind] = service === 'ivs' ? ['GetChannel', 'CreateChannel', 'channel'] : ['GetStage', 'CreateStage', 'stage'];
    const { arn } = (await call(make, {}))[kind];
    const error = await fails(call(get, { arn: missing(arn) }), 'ResourceNotFoundException', 404);
    assert.equal(error.exceptionMessage, error.message);
    assert.equal(error.xAmznErrorType, 'ResourceNotFoundException');
    assert.equal(error.accessControlAllowOrigin, '*');
    assert.equal(error.xFrameOptions, 'DENY');
  }
});
