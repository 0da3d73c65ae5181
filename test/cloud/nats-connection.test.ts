import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connectNatsCluster } from '../../src/rendezvous/nats/nats-cluster.js';
import { atEnd } from '../harness/cleanup.js';
import { silent } from './nats-fixture.js';
import { NatsServer, natsServerMissing } from './nats-server.js';
import { freePort } from './rendezvous-fixture.js';

async function connect(url: string): Promise<void> {
  const cluster = await connectNatsCluster({ url, log: silent });
  await cluster.close();
}

/** What it says against the URL. */
async function refusalOf(url: string): Promise<string> {
  const error: unknown = await connect(url).then(
    () => 'it connected',
    (error: unknown) => error,
  );
  expect(error).toMatchObject({ name: 'NatsSetupError' });
  return String(error);
}

test('what is no URL of a NATS server is refused without being shown', async () => {
  for (const url of ['secret', 'http://secret@127.0.0.1', 'nats://', '']) {
    const refusal = await refusalOf(url);
    expect(refusal).toContain('expected nats://HOST[:PORT]');
    expect(refusal).not.toContain('secret');
  }
});

test('the id of a node must fit into a subject', async () => {
  const asked = connectNatsCluster({ url: 'nats://127.0.0.1:1', nodeId: 'a.b', log: silent });
  await expect(asked).rejects.toThrow('expected 1 to 64 letters, digits, `-` or `_`, got `a.b`');
});

test('a NATS server that is not there is told as such, with its address and no more', async () => {
  const port = await freePort();
  expect(await refusalOf(`nats://me:secret@127.0.0.1:${port}`)).toBe(
    `NatsSetupError: cannot connect to NATS at 127.0.0.1:${port}: nobody listens there`,
  );
});

test('what says nothing is no NATS server', async () => {
  const listener = createServer((socket) => atEnd(() => socket.destroy())).listen(0, '127.0.0.1');
  atEnd(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  expect(await refusalOf(`nats://127.0.0.1:${address.port}`)).toContain('no answer within 5000 ms');
});

describe.skipIf(natsServerMissing)(
  `a nats-server${natsServerMissing ? ` (skipped: ${natsServerMissing})` : ''}`,
  () => {
    test('without JetStream is told as such', async () => {
      const nats = await NatsServer.start([]);
      expect(await refusalOf(nats.url)).toContain('start it with JetStream, `-js`');
    });

    test('takes a user and a password from the URL, and wrong ones are not shown', async () => {
      const nats = await NatsServer.start(['-js', '--user', 'me', '--pass', 'p:w/d']);
      const withUser = (user: string) => nats.url.replace('//', `//${user}@`);
      await connect(withUser('me:p%3Aw%2Fd'));
      expect(await refusalOf(withUser('me:secret'))).toMatch(/it refuses the credentials.*$/);
      expect(await refusalOf(withUser('me:secret'))).not.toContain('secret');
      expect(await refusalOf(nats.url)).toContain('or wants some');
    });

    test('takes a token from the URL', async () => {
      const nats = await NatsServer.start(['-js', '--auth', 'tok']);
      await connect(nats.url.replace('//', '//tok@'));
      expect(await refusalOf(nats.url.replace('//', '//secret@'))).not.toContain('secret');
    });

    test('that speaks no TLS is refused where TLS is asked for', async () => {
      const nats = await NatsServer.start();
      expect(await refusalOf(nats.url.replace('nats:', 'tls:'))).toContain('it speaks no TLS');
    });
  },
);
