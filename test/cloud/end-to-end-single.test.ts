import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { findPeer } from '../../bench/peers.mjs';
import { type ConnectOptions, ExecServerClient, type StartParams, text } from '../../src/client/index.js';
import { executorRegistered } from '../../src/registry/contract.js';
import { askRegistry } from '../../src/registry/request.js';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import { numbers } from '../cli/command-line.js';
import { atEnd, scratchDirectory, shell, startInProcess, until } from '../harness/index.js';
import { Cloud, httpUrl } from './end-to-end.js';
import { accessOf } from './rendezvous-fixture.js';

// Executors that know one connection only, which is for one harness.

const codex = findPeer('0.129.0');

/** Registers and serves its one connection, again and again, as 0.129.0 does. */
async function startOurs(cloud: Cloud): Promise<void> {
  const { server } = await startInProcess();
  const access = accessOf(httpUrl(cloud.executorNet), await cloud.token('executor'));
  const body = { idempotency_id: 'one-run', executor_id: 'box' };
  const serve = async (): Promise<void> => {
    const path = '/cloud/executor/box/register';
    const { url } = await askRegistry(access, { method: 'POST', path, body, answer: executorRegistered });
    const channel = await dialWebSocket(url);
    atEnd(() => channel.terminate('the test is over'));
    server.serve(channel, () => void serve().catch(() => undefined)); // who waits for it is told by the registry
  };
  await serve();
}

async function startReal(cloud: Cloud): Promise<void> {
  const args = ['exec-server', '--remote', httpUrl(cloud.executorNet), '--executor-id', 'box'];
  const home = scratchDirectory();
  const CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN = await cloud.token('executor');
  const env = { ...process.env, HOME: home, CODEX_HOME: home, CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN };
  const child = spawn(codex ?? '', args, { env, stdio: 'ignore' });
  const exited = once(child, 'exit');
  atEnd(async () => {
    child.kill('SIGKILL');
    await exited;
  });
}

const executors: [string, (cloud: Cloud) => Promise<void>][] = [['an executor with one connection', startOurs]];
if (codex) executors.push(['codex exec-server 0.129.0', startReal]);
else test.skip('skipped: codex 0.129.0 is not installed here; `npm run bench` installs it', () => undefined);

describe.each(executors)('%s', (_name, start) => {
  async function open() {
    const cloud = await Cloud.open();
    await start(cloud);
    await cloud.status('box', 'online');
    const connect = async (options?: ConnectOptions) => {
      const keepAlive = { pingIntervalMs: 50, deadAfterMs: 500 };
      const bearerToken = await cloud.token('harness');
      const target = { registry: cloud.harnessUrl, environmentId: 'box', bearerToken, keepAlive };
      const client = await ExecServerClient.connect(target, options);
      atEnd(() => client.close());
      return client;
    };
    return { cloud, connect };
  }

  test('a client whose connection is dead takes over from itself, and its output is complete', async () => {
    const { cloud, connect } = await open();
    const states: string[] = [];
    const client = await connect({ onStateChange: ({ status }) => states.push(status) });
    const script = 'i=1; while [ $i -le 60 ]; do echo $i; i=$((i + 1)); sleep 0.05; done; exit 3';
    const process = await client.processes.start(shell('p', script) as unknown as StartParams);
    const saidAll = text(process);
    const nextCut = async (cut: () => void, times: number) => {
      cut();
      await until(() => states.filter((status) => status === 'connected').length > times, { timeoutMs: 10_000 });
    };
    await nextCut(() => cloud.harnessNet.stall(), 1); // the rendezvous hears nothing of it
    await nextCut(() => cloud.harnessNet.cutAll(), 2);
    expect(await saidAll).toMatchObject({ stdout: numbers(60), exitCode: 3, incomplete: false });
  });

  test('a second client waits, is told who has it, and gets it when the first has gone', async () => {
    const { connect } = await open();
    const first = await connect();
    await expect(connect({ connectTimeoutMs: 1_500 })).rejects.toMatchObject({
      name: 'DialError',
      status: 409,
      retryable: true,
      message: expect.stringContaining('serves one harness at a time, and another one has been connected since'),
    });
    const waiting = connect();
    await first.close();
    expect((await (await waiting).call('fs/readDirectory', { path: '/' })).entries.length).toBeGreaterThan(0);
  });
});
