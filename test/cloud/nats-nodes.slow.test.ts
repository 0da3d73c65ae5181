import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExecServerClient } from '../../src/client/index.js';
import { text } from '../../src/process/conveniences.js';
import { processId } from '../../src/process/types.js';
import { connectHarness } from '../../src/registry/harness-connect.js';
import { connectNatsCluster } from '../../src/rendezvous/nats/nats-cluster.js';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import { numbers } from '../cli/command-line.js';
import { scratchDirectory, until } from '../harness/index.js';
import { residentBytes } from '../processes/memory.js';
import { pidIn } from '../processes/pid-file.js';
import { countingScript } from './end-to-end.js';
import { TwoNodes } from './nats-nodes.js';
import { NatsServer, natsServerMissing } from './nats-server.js';
import { accessOf, connectThrough, startRendezvous } from './rendezvous-fixture.js';

const MIB = 1024 * 1024;
const LINES = 20_000;

async function harness(cloud: TwoNodes): Promise<ExecServerClient> {
  return connectThrough(await cloud.access('harness'), 'box', { harnessId: 'the-client' });
}

function start(client: ExecServerClient, argv: [string, ...string[]], also: { pipeStdin?: true } = {}) {
  return client.processes.start({
    processId: processId('p'),
    argv,
    cwd: '/',
    env: { PATH: process.env.PATH ?? '' },
    tty: false,
    ...also,
  });
}

async function twoNodesAndABox(): Promise<{ cloud: TwoNodes; client: ExecServerClient }> {
  const cloud = await TwoNodes.start();
  await cloud.startExecutor('box');
  return { cloud, client: await harness(cloud) };
}

/** How often the client has lost its connection, from now on. */
function countLosses(client: ExecServerClient): () => number {
  let losses = 0;
  client.onStateChange(({ status }) => {
    if (status === 'recovering') losses++;
  });
  return () => losses;
}

/** Bytes that a process has written so far. */
function writtenBytes(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
}

describe.skipIf(natsServerMissing)(
  `two nodes over NATS${natsServerMissing ? ` (skipped: ${natsServerMissing})` : ''}`,
  () => {
    test('64 MiB go each way between an executor at one node and a harness at the other', async () => {
      const { client, cloud } = await twoNodesAndABox();
      expect(cloud.ofExecutor.log()).toContain('executor connected');
      expect(cloud.ofHarness.log()).toContain('harness paired');
      const cat = await start(client, ['cat'], { pipeStdin: true });
      const bytes = randomBytes(MIB);
      const [sent, received] = [createHash('sha256'), createHash('sha256')];
      const echoed = (async () => {
        for await (const event of cat.events({ holdBack: true })) {
          if (event.type === 'output') received.update(event.chunk);
          if (event.type === 'gap') throw new Error('some output is missing');
        }
      })();
      for (let i = 0; i < 64; i++) {
        bytes.writeUInt32BE(i);
        sent.update(bytes);
        await cat.write(bytes);
      }
      await cat.closeStdin();
      await echoed;
      expect(received.digest('hex')).toBe(sent.digest('hex'));
    }, 60_000);

    test('a harness that does not read holds the process back, across the nodes and with flat memory', async () => {
      const { client, cloud } = await twoNodesAndABox();
      const nodes = [cloud.ofExecutor, cloud.ofHarness];
      const before = nodes.map(({ pid }) => residentBytes(pid));
      const total = 256 * MIB;
      const pidFile = join(scratchDirectory(), 'pid');
      const script = `echo $$ > '${pidFile}'; exec head -c ${total} /dev/zero`;
      const long = await start(client, ['sh', '-c', script]);
      const events = long.events({ holdBack: true });
      const pid = await pidIn(pidFile);
      let written = 0;
      let unchanged = 0;
      await until(
        () => {
          const now = writtenBytes(pid);
          unchanged = now === written ? unchanged + 1 : 0;
          written = now;
          return unchanged > 100;
        },
        { timeoutMs: 15_000, what: 'the process being held back' },
      );
      expect(written).toBeLessThan(total / 2);
      const whileHeldBack = nodes.map(({ pid }) => residentBytes(pid));
      let read = 0;
      for await (const event of events) if (event.type === 'output') read += event.chunk.length;
      expect(read).toBeGreaterThan(total - MIB);
      const after = nodes.map(({ pid }) => residentBytes(pid));
      for (const bytes of [whileHeldBack, after]) {
        for (const [i, resident] of bytes.entries()) expect(resident - (before[i] ?? 0)).toBeLessThan(96 * MIB);
      }
    }, 60_000);

    test.each<[string, (cloud: TwoNodes) => Promise<void>]>([
      ["the executor's node is killed", (cloud) => cloud.ofExecutor.kill()],
      ["the harness's node is killed", (cloud) => cloud.ofHarness.kill()],
      ["the executor's node is drained", (cloud) => cloud.ofExecutor.kill('SIGTERM')],
      ["the harness's node is drained", (cloud) => cloud.ofHarness.kill('SIGTERM')],
      [
        'NATS restarts',
        async ({ nats }) => {
          await nats.kill();
          await nats.startAgain();
        },
      ],
      [
        'NATS restarts without its data',
        async ({ nats }) => {
          await nats.kill();
          await nats.startAgain({ keepingData: false });
        },
      ],
      [
        'one node after the other restarts',
        async (cloud) => {
          for (const node of [cloud.ofExecutor, cloud.ofHarness]) {
            await node.kill();
            await node.start();
            await cloud.online('box', node);
          }
        },
      ],
    ])(
      'while a command runs, %s: its output is complete, with nothing twice, and its exit code is known',
      async (_what, happen) => {
        const { client, cloud } = await twoNodesAndABox();
        const running = await start(client, ['sh', '-c', countingScript(LINES)]);
        const output = text(running);
        const losses = countLosses(client);
        await until(() => running.info().nextSeq > 3);
        await happen(cloud);
        expect(await output).toMatchObject({ exitCode: 9, incomplete: false });
        expect((await output).stdout === numbers(LINES)).toBe(true);
        expect(losses()).toBeGreaterThan(0);
        // Both ends are back, by whatever way there is.
        const another = await connectThrough(await cloud.access('harness'), 'box');
        expect((await text(await start(another, ['echo', 'hello']))).stdout).toBe('hello\n');
      },
      60_000,
    );

    test('while NATS is away, a pair with both ends at one node goes on as if nothing was', async () => {
      const cloud = await TwoNodes.start();
      await cloud.startExecutor('box');
      await cloud.ofHarness.kill(); // so that harnesses come to the node of the executor
      const client = await harness(cloud);
      const running = await start(client, ['sh', '-c', countingScript(LINES)]);
      const losses = countLosses(client);
      const output = text(running);
      await until(() => running.info().nextSeq > 3);
      await cloud.nats.kill();
      expect((await output).stdout === numbers(LINES)).toBe(true);
      expect(losses()).toBe(0);
    }, 60_000);

    test('after NATS has lost its data nobody is called unknown for a while, which would be final', async () => {
      const nats = await NatsServer.start();
      const said: object[] = [];
      const add = (fields: object) => void said.push(fields);
      const cluster = await connectNatsCluster({ url: nats.url, log: { debug: add, info: add, warn: add } });
      const rendezvous = await startRendezvous({ cluster, returnGraceMs: 3_000 });
      const access = accessOf(rendezvous.url, await rendezvous.token({ role: 'harness' }));
      const answer = () => connectHarness(access, 'nobody', {}).catch(({ code }) => code);
      await until(async () => (await answer()) === 'unknown_environment', { timeoutMs: 15_000 });
      await nats.kill();
      await nats.startAgain({ keepingData: false });
      await until(() => said.some((fields) => 'shared' in fields && fields.shared === 'lost'), { timeoutMs: 15_000 });
      expect(await answer()).toBe('environment_offline');
    }, 60_000);

    test('a signed URL that was used at one node is refused at the other', async () => {
      const cloud = await TwoNodes.start();
      await cloud.startExecutor('box');
      const { url } = await connectHarness(await cloud.access('harness'), 'box', {});
      const at = (port: number) => Object.assign(new URL(url), { port: String(port) }).href;
      const patience = { signal: AbortSignal.timeout(10_000), timeoutMs: 10_000 };
      const channel = await dialWebSocket(at(cloud.ofExecutor.port), patience);
      for (const { port } of [cloud.ofHarness, cloud.ofExecutor]) {
        await expect(dialWebSocket(at(port), patience)).rejects.toThrow(/403/);
      }
      expect(cloud.ofHarness.log()).toContain('url_replayed');
      expect(cloud.ofHarness.log()).not.toContain(new URL(url).searchParams.get('ticket') ?? '?');
      channel.terminate('the test has finished');
    }, 30_000);
  },
);
