import { readdirSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import type { ExecBackend } from '../../src/process/types.js';
import {
  childrenOf,
  countDescriptors,
  openDescriptors,
  RawClient,
  shell,
  startBinary,
  until,
  upTo,
} from '../harness/index.js';
import { launchers, newBackend, startScript } from './launchers.js';
import { report, residentBytes } from './memory.js';
import { record } from './recording.js';
import { scratchDir } from './scratch-dir.js';

const RUNS = 1_000;
const AT_ONCE = 20;

/** Every way that a short process can go, in turn. */
async function runOne(backend: ExecBackend, n: number): Promise<void> {
  const tty = n % 2 === 0;
  switch (n % 10) {
    case 0:
    case 1: {
      const process = await startScript(backend, 'cat', { tty, pipeStdin: true });
      await process.write(Buffer.from('hello\n'));
      await process.closeStdin();
      expect((await record(process)).exitCode).toBe(0);
      return process.release();
    }
    case 2:
    case 3: {
      const process = await startScript(backend, 'exec sleep 60', { tty, pipeStdin: true, timeoutMs: 60_000 });
      void process.write(Buffer.alloc(2_000_000)); // more than anybody takes
      await process.terminate({ graceMs: n % 20 < 10 ? 60_000 : 0 });
      await record(process);
      return; // not released: what its end leaves behind must be gone without that
    }
    case 4:
    case 5: {
      // Output that nobody reads to its end.
      const process = await startScript(backend, 'seq 1 20000', { tty });
      for await (const event of process.events({ holdBack: true })) if (event.type === 'output') break;
      await process.ended();
      return process.release();
    }
    case 6:
    case 7:
      await expect(startScript(backend, 'true', { tty, cwd: '/missing' })).rejects.toThrow('No such file');
      return;
    default: {
      const process = await startScript(backend, 'echo out; echo err >&2; exit 3', { tty });
      expect((await record(process)).exitCode).toBe(3);
      return process.release();
    }
  }
}

async function runMany(runs: number, run: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < runs) await run(next++);
  };
  await Promise.all(upTo(AT_ONCE).map(worker));
}

/** What keeps this process busy, by kind; idle timers of the test runner come and go, and are its own. */
function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const type of process.getActiveResourcesInfo()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each(
  launchers,
)('after a thousand short processes with the $name launcher, descriptors, children and handles are as before', {
  timeout: 120_000,
}, async ({ launcher }) => {
  const temporary = scratchDir();
  vi.stubEnv('TMPDIR', temporary);
  const listeners = process.listenerCount('SIGCHLD');
  const outside = { descriptors: openDescriptors(), children: childrenOf() };
  const backend = newBackend(launcher);
  await runMany(60, (n) => runOne(backend, n)); // everything is loaded, and every pool is filled
  const settled = () => ({ descriptors: countDescriptors(), children: childrenOf().length, ...activeResources() });
  const before = await stable(settled);
  await runMany(RUNS, (n) => runOne(backend, n));
  const problem = () => {
    const now = settled() as Record<string, number>;
    return Object.keys(now).filter((key) => (now[key] ?? 0) > ((before as Record<string, number>)[key] ?? 0));
  };
  await until(() => problem().length === 0, { what: 'being back to where it was' }).catch((error) => {
    throw new Error(`${error.message}: before ${JSON.stringify(before)}, now ${JSON.stringify(settled())}`);
  });

  await backend.close();
  const left = () => ({
    descriptors: openDescriptors().filter((target) => !outside.descriptors.includes(target)),
    children: childrenOf().filter((pid) => !outside.children.includes(pid)),
    temporary: readdirSync(temporary),
  });
  await until(() => Object.values(left()).flat().length === 0, { timeoutMs: 15_000 }).catch(() => {
    expect(left()).toEqual({ descriptors: [], children: [], temporary: [] });
  });
  expect(process.listenerCount('SIGCHLD')).toBe(listeners);
});

test('after a thousand short processes the built server has the descriptors and children that it had', async () => {
  const temporary = scratchDir();
  const server = await startBinary(['--log-level', 'warn'], { env: { TMPDIR: temporary } });
  const client = await RawClient.open(server.url);
  const run = async (n: number) => {
    const id = `p${n}`;
    const [, { exitCode }] = await Promise.all([
      client.result('process/start', shell(id, 'echo out; echo err >&2; exit 3', { tty: n % 2 === 0 })),
      client.collect(id),
    ]);
    expect(exitCode).toBe(3);
  };
  await runMany(40, (n) => run(n));
  const settled = () => ({
    descriptors: openDescriptors(server.pid).map(kindOf).sort(),
    children: childrenOf(server.pid).length,
  });
  const before = await stable(settled);
  const memory = residentBytes(server.pid);
  await runMany(RUNS, (n) => run(n + 40));
  await until(() => JSON.stringify(settled()) === JSON.stringify(before), {
    what: `being back to ${JSON.stringify(before)}`,
  });
  report('1,000 short processes, resident memory of the server', { before: memory, peak: residentBytes(server.pid) });
  server.kill('SIGTERM');
  expect(await server.exited).toEqual({ code: 0, signal: null });
  await until(() => readdirSync(temporary).length === 0, { what: 'an empty temporary directory' });
}, 120_000);

/** `socket:[123]` → `socket`: which one it is may change. */
function kindOf(target: string): string {
  return target.replace(/:\[\d+\]$/, '');
}

/** The value once it is the same for a while: what has just ended needs a moment to be gone. */
async function stable<T>(read: () => T): Promise<T> {
  let value = read();
  let since = performance.now();
  await until(
    () => {
      const now = read();
      if (JSON.stringify(now) !== JSON.stringify(value)) {
        value = now;
        since = performance.now();
      }
      return performance.now() - since > 300;
    },
    { what: 'coming to rest', timeoutMs: 10_000 },
  );
  return value;
}
