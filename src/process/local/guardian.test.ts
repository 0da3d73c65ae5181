import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { childrenOf, isAlive, until } from '../../../test/harness/index.js';
import { scratchDir } from '../../../test/processes/scratch-dir.js';
import { Guardian } from './guardian.js';

beforeEach(() => {
  vi.stubEnv('TMPDIR', scratchDir());
});

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A leader of a session of its own, which ends with the test if not before. */
function startLeader(script = 'exec sleep 1000'): number {
  const leader = spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore' });
  onTestFinished(() => void leader.kill('SIGKILL'));
  return leader.pid ?? 0;
}

function newGuardian(): Guardian {
  const guardian = new Guardian();
  onTestFinished(() => guardian.close());
  return guardian;
}

test('when its pipe ends, those it watches are ended, and its directory is removed', async () => {
  const guardian = newGuardian();
  const leaders = [startLeader(), startLeader('trap "" TERM HUP INT; while :; do sleep 0.05; done'), startLeader()];
  for (const leader of leaders) guardian.watch(leader);
  expect(existsSync(guardian.directory)).toBe(true);
  guardian.close();
  await until(() => !leaders.some(isAlive));
  await until(() => !existsSync(guardian.directory));
});

test('those it has been told to forget live on, and their places go to others', async () => {
  const guardian = newGuardian();
  const forgotten = [startLeader(), startLeader(), startLeader()];
  const [first, second, third] = forgotten as [number, number, number];
  guardian.watch(first);
  guardian.watch(second);
  guardian.forget(first);
  const watched = [startLeader(), startLeader()];
  for (const leader of watched) guardian.watch(leader);
  guardian.watch(third);
  guardian.forget(second);
  guardian.forget(third);
  guardian.forget(third);
  guardian.forget(2 ** 30); // never heard of
  guardian.close();
  await until(() => !watched.some(isAlive));
  await until(() => !existsSync(guardian.directory)); // its last act
  expect(forgotten.every(isAlive)).toBe(true);
});

test('with nobody to watch it just goes', async () => {
  const before = childrenOf();
  const guardian = newGuardian();
  const [pid = 0] = childrenOf().filter((child) => !before.includes(child));
  expect(isAlive(pid)).toBe(true);
  guardian.close();
  await until(() => !isAlive(pid));
  expect(existsSync(guardian.directory)).toBe(false);
});

test('signals that can be ignored do not end it', async () => {
  const before = childrenOf();
  const guardian = newGuardian();
  const [pid = 0] = childrenOf().filter((child) => !before.includes(child));
  const leader = startLeader();
  guardian.watch(leader);
  // It has to have set itself up: it stands by once it waits for its input.
  await until(() => ignoresSignals(pid));
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.kill(pid, signal);
  guardian.close();
  await until(() => !isAlive(leader));
});

test('one that has been killed is no trouble to those it watched', async () => {
  const before = childrenOf();
  const guardian = newGuardian();
  const [pid = 0] = childrenOf().filter((child) => !before.includes(child));
  process.kill(pid, 'SIGKILL');
  await until(() => !isAlive(pid));
  const leader = startLeader();
  guardian.watch(leader);
  guardian.forget(leader);
  guardian.watch(leader);
  guardian.close();
  guardian.close();
  guardian.watch(leader); // a start that was under way
  expect(isAlive(leader)).toBe(true);
});

test('a directory whose name needs quoting is removed, and only that', async () => {
  const parent = scratchDir();
  const odd = join(parent, "it's a $(dir)");
  const beside = join(parent, "it's");
  mkdirSync(odd);
  mkdirSync(beside);
  vi.stubEnv('TMPDIR', odd);
  const guardian = newGuardian();
  const leader = startLeader();
  guardian.watch(leader);
  guardian.close();
  await until(() => !existsSync(guardian.directory) && !isAlive(leader));
  expect([existsSync(odd), existsSync(beside)]).toEqual([true, true]);
});

function ignoresSignals(pid: number): boolean {
  const term = 15n;
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> (term - 1n)) & 1n) === 1n;
}
