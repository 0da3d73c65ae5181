import { expect, test } from 'vitest';
import { ExecServerClient, processId, text } from '../../src/client/index.js';
import type { CreateExecServerOptions } from '../../src/embed/index.js';
import { RemoteEnvironment } from '../../src/environment/index.js';
import {
  atEnd,
  type BinaryServer,
  type InProcessServer,
  RawClient,
  shell,
  startBinary,
  startInProcess,
  until,
} from '../harness/index.js';

/** A server of ours in front of another, which is a process of its own. */
async function startFront(
  innerArgs: string[] = [],
  options: CreateExecServerOptions = {},
): Promise<{ inner: BinaryServer; front: InProcessServer; url: string }> {
  const inner = await startBinary(innerArgs);
  const environment = new RemoteEnvironment({ id: 'inner', url: inner.url });
  atEnd(() => environment.close());
  const front = await startInProcess({ processes: environment.processes, files: environment.files, ...options });
  return { inner, front, url: front.url };
}

async function connect(url: string): Promise<ExecServerClient> {
  const client = await ExecServerClient.connect({ url });
  atEnd(() => client.close());
  return client;
}

test('two clients may use the same process id: their sessions stay apart', async () => {
  const { url } = await startFront();
  const clients = await Promise.all([RawClient.open(url), RawClient.open(url)]);
  const all = await Promise.all(
    clients.map(async (client, i) => {
      await client.result('process/start', shell('same', `echo ${i}; exit ${i}`));
      return client.collect('same');
    }),
  );
  expect(all.map(({ stdout, exitCode, seqs }) => [stdout, exitCode, seqs])).toEqual([
    ['0\n', 0, [1, 2, 3]],
    ['1\n', 1, [1, 2, 3]],
  ]);
  expect(await clients[0]?.result('process/list', {})).toMatchObject({ processes: [{ processId: 'same' }] });
});

test('an error of the server behind comes through with its code and kind', async () => {
  const { url } = await startFront();
  const client = await RawClient.open(url);
  const start = { ...shell('p', 'true'), argv: ['/no/such/program'] };
  expect(await client.request('process/start', start)).toMatchObject({
    error: { code: -32603, data: { kind: 'spawn_failed', errno: 'ENOENT' } },
  });
  expect(await client.request('fs/readFile', { path: '/no/such/file' })).toMatchObject({
    error: { code: -32004, data: { kind: 'not_found' } },
  });
});

test('when the server behind is gone, a process ends with exit code -1 and the reason', async () => {
  // How long a session lasts without a connection is also how long it is worth trying to come back.
  const { inner, url } = await startFront(['--session-ttl', '1']);
  const client = await RawClient.open(url);
  await client.result('process/start', shell('p', 'echo started; sleep 60'));
  await client.waitFor(({ method }) => method === 'process/output');
  inner.kill('SIGKILL');
  const { params: exited } = await client.waitFor(({ method }) => method === 'process/exited', 15_000);
  expect(exited).toMatchObject({
    seq: 2,
    exitCode: -1,
    signal: null,
    failure: expect.stringMatching(/connection|session/),
  });
  await client.waitFor(({ method }) => method === 'process/closed');
  const read = await client.result('process/read', { processId: 'p' });
  expect(read).toMatchObject({ exitCode: null, failure: (exited as { failure: string }).failure });
});

test('and our own client says that it failed, not that it exited', async () => {
  // How long a session lasts without a connection is also how long it is worth trying to come back.
  const { inner, url } = await startFront(['--session-ttl', '1']);
  const client = await connect(url);
  const child = await client.processes.start({
    processId: processId('p'),
    argv: ['/bin/sh', '-c', 'echo started; sleep 60'],
    cwd: '/',
    env: {},
    tty: false,
  });
  const events = child.events();
  expect((await events.next()).value).toMatchObject({ type: 'output' });
  inner.kill('SIGKILL');
  await expect(text(child)).rejects.toMatchObject({ code: 'process_lost' });
  expect(child.info().exitCode).toBeNull();
});

test('a session ends quietly at its time, although the server behind that had its process is gone', async () => {
  const { inner, front } = await startFront(['--session-ttl', '0.2'], { sessionTtlMs: 200 });
  const client = await RawClient.open(front.url);
  await client.result('process/start', shell('p', 'sleep 60'));
  inner.kill('SIGKILL');
  await client.waitFor(({ method }) => method === 'process/closed', 15_000);
  const unhandled: unknown[] = [];
  const onUnhandled = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', onUnhandled);
  atEnd(() => process.off('unhandledRejection', onUnhandled));
  client.cut();
  await until(() => front.server.sessionCount === 0);
  await front.close();
  expect(unhandled).toEqual([]);
});
