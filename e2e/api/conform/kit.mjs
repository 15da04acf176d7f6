// What the judges share: clients, a comparison that wants exactly these members, and the record of what was
// seen to work and to be refused. The record is compared with spec/ by the Go test that runs this.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import * as ivs from '@aws-sdk/client-ivs';
import * as rt from '@aws-sdk/client-ivs-realtime';
import * as chat from '@aws-sdk/client-ivschat';
import { options, region } from '../common.mjs';

const services = {
  ivs: { sdk: ivs, Client: ivs.IvsClient },
  'ivs-realtime': { sdk: rt, Client: rt.IVSRealTimeClient },
  ivschat: { sdk: chat, Client: chat.IvschatClient },
};

/** The facts of an operation, as in spec/. */
export const facts = {};
for (const service of Object.keys(services)) {
  const { operations } = JSON.parse(readFileSync(new URL(`../../../spec/${service}.json`, import.meta.url)));
  facts[service] = Object.fromEntries(operations.map((o) => [o.name, o]));
}

/**
 * Makes a service's client for one key: call sends, happy wants success, refused wants one refusal. They may be
 * taken apart.
 */
export function judge(service, more = {}) {
  const { sdk, Client } = services[service];
  const client = new Client({ ...options, ...more });
  const call = (name, input = {}) => client.send(new sdk[`${name}Command`](input));
  const me = {
    service, sdk, client, call,

    /** Calls an operation that must succeed with exactly these members. */
    async happy(name, input, members) {
      const answer = await call(name, input);
      assert.equal(answer.$metadata.httpStatusCode, facts[service][name].status, `${name}: status`);
      exactly(answer, { ...members, ...(withHeaders.has(`${service} ${name}`) ? headers : {}) }, name);
      record.worked.add(`${service} ${name}`);
      return answer;
    },

    /** Calls an operation that must fail by this name, with the status and the class of the model. */
    async refused(name, exception, input = {}, hint = /./) {
      const error = await call(name, input).then(
        (answer) => assert.fail(`${name} accepted ${JSON.stringify(input)}, want ${exception}: ${JSON.stringify(answer)}`),
        (e) => e,
      );
      return me.inspect(name, exception, error, hint, input);
    },

    /** Calls an operation over and over until its rate is passed. */
    async hurried(name, input = {}) {
      const command = new sdk[`${name}Command`](input);
      let signed;
      command.middlewareStack.add((next) => (args) => next({ ...args, request: (signed = args.request) }), { step: 'deserialize', priority: 'low' });
      for (let round = 0, storm = []; round < 50; round++) {
        const error = await client.send(command).then(() => null, (e) => e);
        await Promise.all(storm);
        if (error?.name === 'ThrottlingException') return me.inspect(name, error.name, error, new RegExp(name), input);
        // The same request again takes no signing, and so it outruns the rate on a slow machine, too. The next
        // call comes amidst them.
        storm = Array.from({ length: Math.min(20 * 2 ** round, 640) }, () => replay(signed));
      }
      assert.fail(`${name}: thousands of calls, and no rate was passed`);
    },

    /** Wants an error to be as the model has it, and notes that it was seen. */
    inspect(name, exception, error, hint, input) {
      assert.equal(error.name, exception, `${name} ${JSON.stringify(input)}: ${error.name}: ${error.message}`);
      const modelled = facts[service][name].errors.find(([, e]) => e === exception);
      if (modelled) assert.ok(error instanceof sdk[exception], `${name}: ${exception} has no type`);
      assert.equal(error.$metadata.httpStatusCode, modelled?.[0] ?? unmodelled[exception], `${name}: status of ${exception}`);
      assert.ok(error.$metadata.requestId, `${name}: ${exception} without a request id`);
      assert.match(error.message, hint, `${name}: message of ${exception}`);
      record.refused.add(`${service} ${name} ${exception}`);
      return error;
    },
  };
  return me;
}

/** Sends a signed request as it is, whatever becomes of it. */
async function replay({ protocol, hostname, port, path, method, headers, body }) {
  const { host, 'content-length': length, ...rest } = headers;
  const answer = await fetch(`${protocol}//${hostname}:${port}${path}`, { method, headers: rest, body });
  await answer.arrayBuffer();
}

/** Statuses of what a model leaves out for some operations. */
const unmodelled = { AccessDeniedException: 403, ThrottlingException: 429 };

/** Output members that travel as headers: these operations have them. */
const withHeaders = new Set([
  'ivs BatchGetChannel', 'ivs BatchGetStreamKey', 'ivs BatchStartViewerSessionRevocation',
  'ivs-realtime StartParticipantReplication', 'ivs-realtime StopParticipantReplication',
]);
const headers = {
  accessControlAllowOrigin: '*', accessControlExposeHeaders: /x-amzn-requestid/, cacheControl: 'no-store, no-cache',
  contentSecurityPolicy: "default-src 'self'; upgrade-insecure-requests;",
  strictTransportSecurity: 'max-age:47304000; includeSubDomains', xContentTypeOptions: 'nosniff', xFrameOptions: 'DENY',
};

const record = { worked: new Set(), refused: new Set() };

/** Writes down what was seen. */
export function report() {
  if (process.env.STREAMCAT_RECORD) {
    writeFileSync(process.env.STREAMCAT_RECORD, JSON.stringify({ worked: [...record.worked], refused: [...record.refused] }));
  }
}

/**
 * Wants a value to be exactly as told: no member more, none less. A function judges by itself, a regular
 * expression matches a text, anything else is equal.
 */
export function exactly(got, want, where = 'answer') {
  if (typeof want === 'function') return want(got, where);
  if (want instanceof RegExp) return assert.ok(typeof got === 'string' && want.test(got), `${where}: ${show(got)} does not match ${want}`);
  if (want === null || typeof want !== 'object' || want instanceof Date) return assert.deepEqual(got, want, `${where}: got ${show(got)}, want ${show(want)}`);
  assert.ok(got !== null && typeof got === 'object' && Array.isArray(got) === Array.isArray(want), `${where}: got ${show(got)}, want ${show(want)}`);
  if (Array.isArray(want)) assert.equal(got.length, want.length, `${where}: ${show(got)}`);
  const there = Object.keys(got).filter((k) => got[k] !== undefined && k !== '$metadata');
  const wanted = Object.keys(want).filter((k) => want[k] !== undefined);
  assert.deepEqual(there.sort(), wanted.sort(), `members of ${where}`);
  for (const k of wanted) exactly(got[k], want[k], `${where}.${k}`);
}

const show = (v) => JSON.stringify(v);

// Matchers of what a server makes up.

/** An ARN of a kind, such as arn('ivs', 'channel'). */
export const arn = (service, kind) => new RegExp(`^arn:aws:${service}:${region}:\\d{12}:${kind}/[A-Za-z0-9]{12}$`);

/** So many letters and digits. */
export const id = (n) => new RegExp(`^[A-Za-z0-9]{${n}}$`);

/** A moment of this run, in whole seconds for those who print no more. */
export const recent = (got, where) => {
  assert.ok(got instanceof Date, `${where} is no time: ${show(got)}`);
  const age = Date.now() - got.getTime();
  assert.ok(age > -2_000 && age < 300_000, `${where} is ${age} ms old`);
};
export const recentSecond = (got, where) => {
  recent(got, where);
  assert.equal(got.getTime() % 1000, 0, `${where} has a fraction`);
};

/** A moment so many milliseconds from now, give or take a slow machine. */
export const later = (ms) => (got, where) => recent(new Date(got?.getTime() - ms), where);

/** One of some values. */
export const oneOf = (...values) => (got, where) => assert.ok(values.includes(got), `${where}: ${show(got)} is none of ${values}`);

/** A whole number of at least n. */
export const atLeast = (n) => (got, where) => assert.ok(Number.isInteger(got) && got >= n, `${where}: ${show(got)}`);

/** A list that has at least these, each exactly as told, and perhaps others. */
export const including = (...wanted) => (got, where) => {
  assert.ok(Array.isArray(got), `${where} is no list`);
  for (const want of wanted) {
    const found = got.find((g) => g.arn === want.arn);
    assert.ok(found, `${where}: no ${want.arn}`);
    exactly(found, want, `${where}[${want.arn}]`);
  }
};

/** Only some members of an object, as a summary shows them. */
export const pick = (object, ...names) => Object.fromEntries(names.map((n) => [n, object[n]]));

/** Calls until the answer is as wished, and gives it. */
export async function until(what, ask, wish) {
  const end = Date.now() + 30_000;
  for (let last; Date.now() < end; await new Promise((r) => setTimeout(r, 100))) {
    last = await ask().catch((e) => e);
    if (!(last instanceof Error) && wish(last)) return last;
    if (Date.now() + 150 > end) assert.fail(`${what}: never, at last ${last instanceof Error ? last : JSON.stringify(last)}`);
  }
}

/** Lets the Go test do what no JavaScript can: publish to a stage, run an encoder. */
export async function stagehand(what, body = {}) {
  const answer = await fetch(`${process.env.STREAMCAT_STAGEHAND}/${what}`, { method: 'POST', body: JSON.stringify(body) });
  assert.equal(answer.status, 200, `${what}: ${await answer.clone().text()}`);
}

/** Merges, overwrites, removes and lists tags of one resource; it had {a: 'b'}. */
export async function tags({ happy }, resourceArn) {
  await happy('ListTagsForResource', { resourceArn }, { tags: { a: 'b' } });
  await happy('TagResource', { resourceArn, tags: { a: 'c', 'x y': 'é' } }, {});
  await happy('ListTagsForResource', { resourceArn }, { tags: { a: 'c', 'x y': 'é' } });
  await happy('UntagResource', { resourceArn, tagKeys: ['a', 'x y', 'never there'] }, {});
  await happy('ListTagsForResource', { resourceArn }, { tags: {} });
  await happy('TagResource', { resourceArn, tags: { a: 'b' } }, {});
}
