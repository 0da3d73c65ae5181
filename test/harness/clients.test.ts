import { expect, test } from 'vitest';
import {
  childrenOf,
  countDescriptors,
  isAlive,
  RawClient,
  shell,
  startBinary,
  startInProcess,
  until,
  upTo,
  useCleanup,
} from './index.js';

const SCRIPT = 'printf out; printf err >&2; exit 3';

async function expectScriptToRun(client: RawClient): Promise<void> {
  await client.initialize();
  const done = client.collect('p');
  await client.result('process/start', shell('p', SCRIPT));
  const { seqs, ...rest } = await done;
  expect(rest).toEqual({ stdout: 'out', stderr: 'err', pty: '', exitCode: 3, signal: null });
  expect(seqs).toEqual(upTo(4));
}

test('a raw client runs a command on an in-process server', async () => {
  const { url } = await startInProcess();
  await expectScriptToRun(await RawClient.connect(url));
});

test('a raw client runs a command on the built server over WebSocket', async () => {
  const server = await startBinary();
  expect(server.url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
  await expectScriptToRun(await RawClient.connect(server.url));
  server.kill('SIGTERM');
  expect(await server.exited).toEqual({ code: 0, signal: null });
  expect(server.stdout()).toBe(`${server.url}\n`);
});

test('a raw client runs a command on the built server over stdio', async () => {
  const server = await startBinary(['--listen', 'stdio']);
  const client = RawClient.overLines(server.child.stdout, server.child.stdin);
  await expectScriptToRun(client);
  await client.close();
  expect((await server.exited).code).toBe(0);
});

test('the leak counters see a connection and a child come and go', async () => {
  const cleanup = useCleanup();
  const { url } = await startInProcess({ sessionTtlMs: 0 });
  const client = await RawClient.open(url);
  cleanup.add(() => client.cut());
  const before = countDescriptors();
  await client.result('process/start', shell('p', 'exec sleep 60', { pipeStdin: true }));
  const { processes } = await client.result('process/list');
  const [{ pid }] = processes as [{ pid: number }];
  expect(childrenOf()).toContain(pid);
  expect(countDescriptors()).toBeGreaterThan(before);
  await cleanup.end();
  await until(() => !isAlive(pid) && countDescriptors() < before, {
    what: 'the end of the child and of the connection',
  });
});
