// A receiver of webhooks, written with the format's own library. It says on which port it listens, reads the
// secret from its input, and then says of each delivery what it was and whether the signature is good. With
// TROUBLE=1 it fails, breaks off and once hangs, after which the same events must come again.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Webhook } from 'standardwebhooks';

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const trouble = process.env.TROUBLE === '1';
let webhook;
let hung = process.env.HANG !== '1';

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const luck = trouble ? Math.random() : 1;
  if (luck < 0.1) return response.writeHead(503).end('not now');
  if (!hung && luck < 0.5) {
    hung = true;
    return undefined; // nobody ever answers
  }
  let signed = true;
  try {
    webhook.verify(body, request.headers);
  } catch {
    signed = false;
  }
  const event = JSON.parse(body);
  say({ id: request.headers['webhook-id'], event: event.id, sequence: Number(request.headers['streamcat-sequence']), resource: event.resources[0] ?? '', signed });
  if (luck < 0.2) return request.socket.destroy(); // taken, and then the connection breaks
  return response.writeHead(204).end();
});

server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  say({ port: server.address().port });
  createInterface({ input: process.stdin }).on('line', (secret) => {
    webhook = new Webhook(secret);
    say({ ready: true });
  });
});
