import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { sendSignal } from '../../src/process/local/process-tree.js';
import { atEnd, childrenOf, isAlive, RawClient, shell, startBinary, until } from '../harness/index.js';
import { pidIn } from './pid-file.js';
import { scratchDir } from './scratch-dir.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Nothing may outlive the server by more than this. */
const GONE_WITHIN_MS = 2_000;

/** Lives until it is killed. */
const STUBBORN = `trap "" TERM HUP INT QUIT; while :; do sleep 0.05; done`;

interface Kind {
  what: string;
  tty: boolean;
  /** Writes a pid that must not survive into `file`. */
  script(file: string): string;
  /** Typed into its terminal instead. */
  typed?: (file: string) => string;
  /**
   * A server that dies of SIGKILL hangs up its terminals, of which their leaders die before the guardian can look; who
   * had left the session by then is nobody's child any more.
   */
  outOfReachOfGuardian?: boolean;
}

const quoted = (script: string) => `'${script.replaceAll("'", `'\\''`)}'`;
const nested = (file: string, script: string) => `sh -c ${quoted(`echo $$ > ${file}; ${script}`)}`;
const AWAY = '< /dev/null > /dev/null 2>&1';

const scripts: Omit<Kind, 'tty'>[] = [
  { what: 'a plain child', script: (file) => `echo $$ > ${file}; exec sleep 1000` },
  { what: 'a child that ignores what it can', script: (file) => `echo $$ > ${file}; ${STUBBORN}` },
  { what: 'a child that forks without end', script: (file) => `echo $$ > ${file}; while :; do /bin/true; done` },
  { what: 'a grandchild in the group', script: (file) => `${nested(file, 'exec sleep 1000')} & wait` },
  { what: 'a grandchild that ignores what it can', script: (file) => `${nested(file, STUBBORN)} & wait` },
  {
    what: 'a grandchild in a session of its own',
    outOfReachOfGuardian: true,
    script: (file) => `setsid ${nested(file, STUBBORN)} & wait`,
  },
  {
    what: 'a grandchild in a session of its own, below one that waits in another',
    outOfReachOfGuardian: true,
    script: (file) => `setsid sh -c ${quoted(`setsid ${nested(file, STUBBORN)} & wait`)} & wait`,
  },
  {
    what: 'a grandchild that was left in the group with the output',
    script: (file) => `trap "" HUP; ${nested(file, STUBBORN)} & sleep 0.1; exit 0`,
  },
  {
    what: 'a daemon that was forked twice, without the output',
    script: (file) => `trap "" HUP; (${nested(file, STUBBORN)} ${AWAY} &) & sleep 0.1; exit 0`,
  },
];

const kinds: Kind[] = [
  ...scripts.flatMap((it) => [
    { ...it, tty: false, outOfReachOfGuardian: false },
    { ...it, tty: true },
  ]),
  ...[
    {
      what: 'a background job of an interactive bash',
      typed: (file: string) => `${nested(file, 'exec sleep 1000')} &`,
    },
    { what: 'a job that was disowned', typed: (file: string) => `${nested(file, STUBBORN)} & disown` },
    { what: 'a job behind nohup', typed: (file: string) => `nohup ${nested(file, 'exec sleep 1000')} ${AWAY} &` },
    { what: 'a job in front', typed: (file: string) => nested(file, STUBBORN) },
    { what: 'a stopped job', typed: (file: string) => nested(file, 'kill -STOP $$') },
  ].map((it) => ({ ...it, tty: true, script: () => 'exec bash --norc -i' })),
];

/** Starts one of every kind, and resolves with their pids once all are there. */
async function startAll(client: RawClient, chosen: Kind[]): Promise<{ what: string; pid: number }[]> {
  const directory = scratchDir();
  const start = async ({ what, tty, script, typed }: Kind, n: number) => {
    const file = join(directory, String(n));
    await client.result('process/start', shell(`p${n}`, script(file), { tty }));
    const chunk = Buffer.from(`${typed?.(file)}\n`).toString('base64');
    if (typed) await client.result('process/write', { processId: `p${n}`, chunk });
    const pid = await pidIn(file);
    atEnd(() => sendSignal(pid, 'SIGKILL')); // where the test fails, the machine is clean all the same
    return { what: `${what}${tty ? ' on a terminal' : ''}`, pid };
  };
  const processes = await Promise.all(chosen.map(start));
  expect(processes.filter(({ pid }) => !isAlive(pid))).toEqual([]);
  return processes;
}

async function expectAllGone(processes: { what: string; pid: number }[]): Promise<void> {
  const alive = () => processes.filter(({ pid }) => isAlive(pid)).map(({ what }) => what);
  await until(() => alive().length === 0, { timeoutMs: GONE_WITHIN_MS }).catch(() => expect(alive()).toEqual([]));
}

describe('nothing that a server has started outlives it', { timeout: 30_000 }, () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'] as const)('when %s ends it', async (signal) => {
    const temporary = scratchDir();
    const server = await startBinary([], { env: { TMPDIR: temporary } });
    const client = await RawClient.open(server.url);
    const chosen = kinds.filter((kind) => signal !== 'SIGKILL' || !kind.outOfReachOfGuardian);
    const processes = await startAll(client, chosen);
    const own = childrenOf(server.pid); // the guardian too
    server.kill(signal);
    expect(await server.exited).toEqual(
      signal === 'SIGKILL' ? { code: null, signal: 'SIGKILL' } : { code: 0, signal: null },
    );
    await expectAllGone(processes);
    await until(() => !own.some(isAlive), { what: 'the end of its guardian' });
    await until(() => readdirSync(temporary).length === 0, { what: 'an empty temporary directory' });
  });

  test('when whoever started it kills its whole group', async () => {
    const temporary = scratchDir();
    const server = spawn(process.execPath, [MAIN, 'serve'], {
      detached: true, // at the head of a group
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, TMPDIR: temporary },
    });
    const exited = once(server, 'exit');
    atEnd(() => server.kill('SIGKILL'));
    const [url] = await once(server.stdout, 'data');
    const client = await RawClient.open(String(url).trim());
    const processes = await startAll(
      client,
      kinds.filter((kind) => !kind.outOfReachOfGuardian),
    );
    sendSignal(-(server.pid ?? 0), 'SIGKILL');
    await exited;
    await expectAllGone(processes);
    await until(() => readdirSync(temporary).length === 0, { what: 'an empty temporary directory' });
  });

  test('when the client on its stdin ends the input', async () => {
    const temporary = scratchDir();
    const server = await startBinary(['--listen', 'stdio'], { env: { TMPDIR: temporary } });
    const client = RawClient.overLines(server.child.stdout, server.child.stdin);
    await client.initialize();
    const processes = await startAll(client, kinds);
    const own = childrenOf(server.pid);
    await client.close();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await expectAllGone(processes);
    await until(() => !own.some(isAlive) && readdirSync(temporary).length === 0);
  });

  test('when its guardian has been killed before, and it is asked to end', async () => {
    const server = await startBinary([], { env: { TMPDIR: scratchDir() } });
    const client = await RawClient.open(server.url);
    for (const guardian of childrenOf(server.pid)) sendSignal(guardian, 'SIGKILL');
    const processes = await startAll(client, kinds);
    server.kill('SIGTERM');
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await expectAllGone(processes);
  });
});
