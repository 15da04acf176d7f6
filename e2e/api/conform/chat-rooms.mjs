// ivschat: rooms and logging configurations.
import test from 'node:test';
import assert from 'node:assert/strict';
import { region, abroad, missing } from '../common.mjs';
import { arn, exactly, id, including, judge, oneOf, pick, recent, tags, until } from './kit.mjs';

const chat = judge('ivschat');
const { happy, refused, call } = chat;

const plain = {
  arn: arn('ivschat', 'room'), id: id(12), createTime: recent, updateTime: recent,
  maximumMessageLength: 500, maximumMessageRatePerSecond: 10, name: '', tags: {},
};
const summary = (r) => pick(r, 'arn', 'id', 'createTime', 'loggingConfigurationIdentifiers', 'messageReviewHandler', 'name', 'tags', 'updateTime');
const bare = ({ $metadata, ...rest }) => rest;
const review = { uri: `arn:aws:lambda:${region}:000000000000:function:review`, fallbackResult: 'DENY' };

test('a room of which nothing is said has the defaults', async () => {
  const room = bare(await happy('CreateRoom', {}, plain));
  assert.equal(room.id, room.arn.split('/')[1]);
  assert.deepEqual(room.createTime, room.updateTime);
  await happy('GetRoom', { identifier: room.arn }, room);
  await happy('DeleteRoom', { identifier: room.arn }, {});
  const gone = await refused('GetRoom', 'ResourceNotFoundException', { identifier: room.arn });
  assert.equal(gone.resourceId, room.id);
  assert.equal(gone.resourceType, 'ROOM');
});

test('a room is shown, changed and found as it was told to be', async () => {
  const logging = await active({ s3: { bucketName: 'logs' } });
  const told = { name: 'told', maximumMessageLength: 1, maximumMessageRatePerSecond: 100, messageReviewHandler: review, tags: { a: 'b' }, loggingConfigurationIdentifiers: [logging.arn] };
  const room = bare(await happy('CreateRoom', told, { ...plain, ...told }));
  await happy('GetRoom', { identifier: room.arn }, room);
  for (const filter of [{ name: 'told' }, { messageReviewHandlerUri: review.uri }, { loggingConfigurationIdentifier: logging.arn }, { name: 'told', messageReviewHandlerUri: review.uri }]) {
    await happy('ListRooms', filter, { rooms: [summary(room)] });
  }
  await happy('ListRooms', { name: 'tol' }, { rooms: [] });
  await refused('DeleteLoggingConfiguration', 'ConflictException', { identifier: logging.arn });
  const longer = bare(await happy('UpdateRoom', { identifier: room.arn, maximumMessageLength: 2 }, { ...room, maximumMessageLength: 2, updateTime: recent }));
  assert.ok(longer.updateTime > room.updateTime);
  const allow = { ...review, fallbackResult: 'ALLOW' };
  await happy('UpdateRoom', { identifier: room.arn, messageReviewHandler: { uri: review.uri, fallbackResult: 'ALLOW' } }, { ...longer, messageReviewHandler: allow, updateTime: recent });
  const { messageReviewHandler, loggingConfigurationIdentifiers, ...alone } = longer;
  await happy('UpdateRoom', { identifier: room.arn, messageReviewHandler: { uri: '' }, loggingConfigurationIdentifiers: [] }, {
    ...alone, updateTime: recent,
  });
  await call('CreateRoom', { name: 'other' });
  await call('UpdateRoom', { identifier: room.arn }); // the last updated comes first
  await happy('ListRooms', { maxResults: 1 }, { rooms: [(got, where) => assert.equal(got.arn, room.arn, where)], nextToken: /./ });
  await tags(chat, room.arn);
  await happy('DeleteLoggingConfiguration', { identifier: logging.arn }, {});
});

/** A logging configuration that is ready to be used. */
async function active(destinationConfiguration) {
  const made = await call('CreateLoggingConfiguration', { destinationConfiguration });
  return until('the logging configuration is active', () => call('GetLoggingConfiguration', { identifier: made.arn }), (a) => a.state === 'ACTIVE');
}

test('a logging configuration', async () => {
  const settled = oneOf('ACTIVE', 'CREATING', 'UPDATING');
  for (const destinationConfiguration of [
    { s3: { bucketName: 'logs' } }, { cloudWatchLogs: { logGroupName: 'logs' } }, { firehose: { deliveryStreamName: 'logs' } },
  ]) {
    await happy('CreateLoggingConfiguration', { destinationConfiguration }, {
      arn: arn('ivschat', 'logging-configuration'), id: id(12), createTime: recent, updateTime: recent, destinationConfiguration, name: '', state: 'ACTIVE', tags: {},
    });
  }
  const told = { name: 'told', tags: { a: 'b' }, destinationConfiguration: { s3: { bucketName: 'logs' } } };
  const made = bare(await happy('CreateLoggingConfiguration', told, {
    ...told, arn: arn('ivschat', 'logging-configuration'), id: id(12), createTime: recent, updateTime: recent, state: 'ACTIVE',
  }));
  assert.equal(made.id, made.arn.split('/')[1]);
  await happy('GetLoggingConfiguration', { identifier: made.arn }, { ...made, state: settled });
  exactly((await call('ListLoggingConfigurations', {})).loggingConfigurations, including({ ...made, state: settled }));
  await happy('ListLoggingConfigurations', { maxResults: 1 }, { loggingConfigurations: [{ ...made, state: settled }], nextToken: /./ });
  const changed = { name: 'changed', destinationConfiguration: { firehose: { deliveryStreamName: 'other' } } };
  const after = await happy('UpdateLoggingConfiguration', { identifier: made.arn, ...changed }, { ...made, ...changed, updateTime: recent });
  assert.ok(after.updateTime > made.updateTime);
  await tags(chat, made.arn);
  for (const destinationConfiguration of [{}, { s3: { bucketName: 'logs' }, firehose: { deliveryStreamName: 'logs' } }, { s3: { bucketName: 'No Bucket' } }]) {
    await refused('CreateLoggingConfiguration', 'ValidationException', { destinationConfiguration });
  }
  await happy('DeleteLoggingConfiguration', { identifier: made.arn }, {});
  await refused('GetLoggingConfiguration', 'ResourceNotFoundException', { identifier: made.arn });
});

test('what is not here or not ours is refused', async () => {
  const room = (await call('CreateRoom', {})).arn;
  const logging = room.replace(':room/', ':logging-configuration/');
  for (const [name, identifier] of [
    ['GetRoom', room], ['UpdateRoom', room], ['DeleteRoom', room],
    ['GetLoggingConfiguration', logging], ['UpdateLoggingConfiguration', logging], ['DeleteLoggingConfiguration', logging],
  ]) {
    const gone = await refused(name, 'ResourceNotFoundException', { identifier: missing(identifier) }, /doesNotExist/);
    assert.equal(gone.resourceId, 'doesNotExist');
    await refused(name, 'ValidationException', { identifier: abroad(identifier) }, new RegExp(region));
    await refused(name, 'ValidationException', { identifier: identifier === room ? logging : room });
  }
  for (const name of ['CreateRoom', 'UpdateRoom']) {
    await refused(name, 'ResourceNotFoundException', { identifier: room, loggingConfigurationIdentifiers: [missing(logging)] });
    const invalid = await refused(name, 'ValidationException', { identifier: room, maximumMessageLength: 501 }, /maximumMessageLength/);
    assert.equal(invalid.reason, 'FIELD_VALIDATION_FAILED');
    assert.deepEqual(invalid.fieldList.map((f) => f.name), ['maximumMessageLength']);
  }
  await refused('ListRooms', 'ResourceNotFoundException', { loggingConfigurationIdentifier: missing(logging) });
  for (const name of ['ListRooms', 'ListLoggingConfigurations']) await refused(name, 'ValidationException', { maxResults: 51 }, /maxResults/);
  for (const name of ['ListTagsForResource', 'TagResource', 'UntagResource']) {
    const more = { tags: { a: 'b' }, tagKeys: ['a'] };
    await refused(name, 'ResourceNotFoundException', { resourceArn: missing(room), ...more });
    await refused(name, 'ValidationException', { resourceArn: abroad(room), ...more });
  }
});
