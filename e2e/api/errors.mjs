// AWS SDK for JavaScript v3: what the server refuses arrives as the typed exception of its service. The
// refusals to provoke come as JSON on standard input.
import test from 'node:test';
import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import * as ivs from '@aws-sdk/client-ivs';
import * as realtime from '@aws-sdk/client-ivs-realtime';
import * as chat from '@aws-sdk/client-ivschat';
import { options } from './common.mjs';

const services = {
  ivs: [ivs, ivs.IvsClient],
  'ivs-realtime': [realtime, realtime.IVSRealTimeClient],
  ivschat: [chat, chat.IvschatClient],
};

for (const c of JSON.parse(await text(process.stdin))) {
  test(`${c.service} ${c.operation}: ${c.exception}`, async () => {
    const [module, Client] = services[c.service];
    const credentials = c.secret ? { accessKeyId: c.accessKeyId, secretAccessKey: c.secret } : options.credentials;
    const client = new Client({ ...options, credentials });
    const error = await client.send(new module[`${c.operation}Command`](c.input)).then(
      (answer) => assert.fail(`accepted: ${JSON.stringify(answer)}`),
      (e) => e,
    );
    assert.equal(error.name, c.exception, `${error.name}: ${error.message}`);
    assert.equal(error.$metadata.httpStatusCode, c.status);
    assert.ok(error.message.includes(c.says), error.message);
    if (!c.modelled) return;
    assert.ok(error instanceof module[c.exception], `${error.name} is of no class of its own`);
    if (c.service !== 'ivschat') assert.equal(error.exceptionMessage, error.message);
    for (const [name, want] of Object.entries(c.members ?? {})) assert.equal(error[name], want, name);
    if (c.field) assert.equal(error.fieldList[0].name, c.field);
  });
}
