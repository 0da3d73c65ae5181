import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import type { ExecServerClient } from '../../src/client/index.js';
import { text } from '../../src/process/conveniences.js';
import { processId } from '../../src/process/types.js';
import { awsCredentials, SigningKeys } from '../../src/rendezvous/index.js';
import { atEnd, deferred, scratchDirectory, until } from '../harness/index.js';
import {
  accessOf,
  connectThrough,
  freePort,
  startBehindProxy,
  startRendezvous,
  type TestRendezvous,
} from './rendezvous-fixture.js';

// The real executors register, and serve our client, through a rendezvous of ours.

const AWS_KEY = 'AKIDTEST';
const AWS_SECRET = 'a-secret-of-the-test';

interface RealExecutor {
  version: '0.129.0' | '0.169.0';
  args(baseUrl: string): string[];
  env(rendezvous: TestRendezvous): Promise<Record<string, string>>;
}

const executors: RealExecutor[] = [
  {
    version: '0.129.0',
    args: (baseUrl) => ['exec-server', '--remote', baseUrl, '--executor-id', 'box', '--name', 'a box'],
    env: async (rendezvous) => ({
      CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN: await rendezvous.token({ role: 'executor', environments: ['box'] }),
    }),
  },
  {
    version: '0.169.0',
    args: (baseUrl) => [
      ...['exec-server', '--remote', baseUrl, '--remote-transport', 'direct', '--environment-id', 'box'],
      ...['--aws-sigv4', '--aws-region', 'us-east-1'],
    ],
    env: async () => ({ AWS_ACCESS_KEY_ID: AWS_KEY, AWS_SECRET_ACCESS_KEY: AWS_SECRET }),
  },
];

const awsKeys = awsCredentials({ [AWS_KEY]: { secretAccessKey: AWS_SECRET, environments: ['box'] } });

for (const executor of executors) {
  const binary = findPeer(executor.version);
  const name = `codex exec-server ${executor.version}`;
  describe.skipIf(!binary)(binary ? name : `skipped: ${name} is not installed here`, () => {
    test('registers, and serves one harness after another', async () => {
      const rendezvous = await startRendezvous({ awsCredentials: awsKeys });
      await startReal(executor, binary, rendezvous, rendezvous.url);
      const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
      for (const [i, said] of ['one', 'two', 'three'].entries()) {
        await connectedTimes(rendezvous, i + 1);
        const client = await connectThrough(access, 'box');
        expect(await echo(client, said)).toBe(`${said}\n`);
        await client.close();
      }
    });

    test('tells a second harness that the first one has it', async () => {
      const rendezvous = await startRendezvous({ awsCredentials: awsKeys });
      await startReal(executor, binary, rendezvous, rendezvous.url);
      await connectedTimes(rendezvous, 1);
      const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
      const first = await connectThrough(access, 'box', { harnessId: 'first' });
      await expect(connectThrough(access, 'box', { harnessId: 'second' })).rejects.toMatchObject({
        code: 'environment_in_use',
        status: 409,
        message: expect.stringMatching(/serves one harness at a time, and another one has been connected since 20/),
      });
      expect(await echo(first, 'still here')).toBe('still here\n');
    });

    test('serves a job to its end across a cut of both sockets', async () => {
      const { rendezvous, proxy } = await startBehindProxy({ awsCredentials: awsKeys });
      await startReal(executor, binary, rendezvous, rendezvous.url);
      await connectedTimes(rendezvous, 1);
      const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
      const client = await connectThrough(access, 'box', { harnessId: 'the-client' });
      const job = await countSlowly(client);
      await job.saidSome;
      proxy.cutAll();
      expect(await job.lines).toEqual(COUNTED);
      expect(proxy.acceptedCount).toBeGreaterThan(2);
    });

    test('serves a job to its end across a restart of the rendezvous, on the same port with the same keys', async () => {
      const keys = await SigningKeys.generate();
      const options = { keys, awsCredentials: awsKeys, listen: `http://127.0.0.1:${await freePort()}` };
      const before = await startRendezvous(options);
      await startReal(executor, binary, before, before.url);
      await connectedTimes(before, 1);
      const access = accessOf(before.url, await before.token({ role: 'harness' }));
      const client = await connectThrough(access, 'box', { harnessId: 'the-client' });
      const job = await countSlowly(client);
      await job.saidSome;
      await before.server.close({ graceMs: 0 });
      const after = await startRendezvous({ ...options, returnGraceMs: 45_000 });
      expect(await job.lines).toEqual(COUNTED);
      await connectedTimes(after, 1);
    });
  });
}

const oldest = findPeer('0.129.0');
test.skipIf(!oldest)('codex exec-server 0.129.0 ends when it comes back and nobody listens', async () => {
  const rendezvous = await startRendezvous();
  const { exited, stderr } = await startReal(executors[0] as RealExecutor, oldest, rendezvous, rendezvous.url);
  await connectedTimes(rendezvous, 1);
  await rendezvous.server.close({ graceMs: 0 });
  expect(await exited).toBe(1);
  expect(stderr()).toMatch(/error sending request/);
});

interface StartedPeer {
  exited: Promise<number | null>;
  stderr(): string;
}

/** Ends with the test. */
async function startReal(
  { args, env }: RealExecutor,
  binary: string | undefined,
  rendezvous: TestRendezvous,
  baseUrl: string,
): Promise<StartedPeer> {
  // It wants a home of its own, which must not be below the temporary directory.
  const home = mkdtempSync(join(homedir(), '.exec-server-test-'));
  const own = { PATH: process.env.PATH, HOME: home, CODEX_HOME: home, TMPDIR: scratchDirectory() };
  const child = spawn(binary ?? '', args(baseUrl), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...own, ...(await env(rendezvous)) },
  });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
    rmSync(home, { recursive: true, force: true });
  });
  return { exited, stderr: () => Buffer.concat(stderr).toString() };
}

async function connectedTimes(rendezvous: TestRendezvous, times: number): Promise<void> {
  const connected = () => rendezvous.log.filter(({ message }) => message === 'executor connected').length;
  await until(() => connected() >= times, { timeoutMs: 10_000, what: `the executor's connection ${times}` });
}

async function echo(client: ExecServerClient, said: string): Promise<string> {
  const id = processId(`echo ${said}`);
  const started = await client.processes.start({ processId: id, argv: ['echo', said], cwd: '/', env: {}, tty: false });
  return (await text(started)).stdout;
}

const COUNTED = Array.from({ length: 300 }, (_, i) => `${i + 1}`);

/** A job that says 300 numbers in some three seconds. */
async function countSlowly(client: ExecServerClient) {
  const script = 'i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo $i; sleep 0.01; done';
  const job = await client.processes.start({
    processId: processId('count'),
    argv: ['/bin/sh', '-c', script],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    tty: false,
  });
  const some = deferred();
  const lines = (async () => {
    let said = '';
    for await (const event of job.events()) {
      if (event.type === 'gap') throw new Error('some of the output is missing');
      if (event.type !== 'output') continue;
      said += event.chunk.toString();
      if (said.includes('\n20\n')) some.resolve();
    }
    return said.trimEnd().split('\n');
  })();
  return { saidSome: some.promise, lines };
}
