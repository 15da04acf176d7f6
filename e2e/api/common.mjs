// What the API scripts share: where the server is, and how a refusal must look.
import assert from 'node:assert/strict';

export const endpoint = process.env.STREAMCAT_URL;
export const region = process.env.AWS_REGION;
export const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
};

/** Options of a client that is told nothing but where and with which key. */
export const options = { endpoint, region, credentials, maxAttempts: 1 };

/** The same resource name in another region. */
export const abroad = (arn) => arn.replace(`:${region}:`, ':eu-west-1:');

/** The name of a resource that does not exist. */
export const missing = (arn) => arn.replace(/\/.*/, '/doesNotExist');

/** Wants a promise to fail as AWS would: by exception name, status and a hint in the message. */
export async function refused(promise, name, status, hint = /./) {
  const error = await promise.then(
    (answer) => assert.fail(`accepted: ${JSON.stringify(answer)}`),
    (e) => e,
  );
  assert.equal(error.name, name, `${error.name}: ${error.message}`);
  assert.equal(error.$metadata?.httpStatusCode ?? error.statusCode, status);
  assert.match(error.message, hint);
  assert.ok(error.$metadata?.requestId ?? error.requestId, 'no request id');
  return error;
}

/** Attributes of n bytes in all. */
export const attributes = (n) => ({ k: 'x'.repeat(n - 1) });

/** The payload of a JSON Web Token. */
export const payload = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
