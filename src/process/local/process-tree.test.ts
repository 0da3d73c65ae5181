import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, until } from '../../../test/harness/index.js';
import { foregroundGroupOf, relativesOf, sendSignal, sendSignalTo } from './process-tree.js';

/** A leader of a session of its own; all that it says it starts is ended with the test. */
async function startLeader(argv: string[], pidCount: number): Promise<{ leader: ChildProcess; pids: number[] }> {
  const [file = '', ...args] = argv;
  const leader = spawn(file, args, { detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  leader.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  onTestFinished(async () => {
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    const gone = leader.exitCode === null && leader.signalCode === null ? once(leader, 'exit') : undefined;
    leader.kill('SIGKILL');
    await gone;
  });
  let pids: number[] = [];
  await until(() => {
    pids = said.split('\n').slice(0, -1).map(Number);
    return pids.length >= pidCount;
  });
  return { leader, pids };
}

function relatives(leader: ChildProcess, bySession: boolean): number[] {
  return relativesOf(leader.pid ?? 0, { bySession })
    .map(({ pid }) => pid)
    .sort((a, b) => a - b);
}

const sorted = (...pids: (number | undefined)[]) => pids.map((pid) => pid ?? 0).sort((a, b) => a - b);

/** Says its pid and stays. */
const STAY = "sh -c 'echo $$; exec sleep 1000'";

test('a leader without children has no relatives, nor has a pid that names nobody', async () => {
  const { leader } = await startLeader(['sh', '-c', 'echo $$; exec sleep 1000'], 1);
  expect(relatives(leader, false)).toEqual([]);
  expect(relatives(leader, true)).toEqual([]);
  expect(relativesOf(2 ** 30, { bySession: true })).toEqual([]);
});

test('members of its group are no relatives, as their group is signalled', async () => {
  const { leader } = await startLeader(['sh', '-c', `${STAY} & ${STAY} & wait`], 2);
  expect(relatives(leader, true)).toEqual([]);
});

test('descendants in sessions of their own are found at any depth, those below a member of the group included', async () => {
  const script = `setsid ${STAY} & sh -c "setsid sh -c 'echo \\$\\$; sleep 1000 & echo \\$!; wait' & wait" & wait`;
  const { leader, pids } = await startLeader(['sh', '-c', script], 3);
  expect(relatives(leader, false)).toEqual(sorted(...pids));
});

test('jobs in other groups of the session are found by the session, also when their parent has gone', async () => {
  const { leader, pids } = await startLeader(['bash', '-c', `set -m; (${STAY} &); exec sleep 1000`], 1);
  await until(() => relatives(leader, false).length === 0, { what: 'the end of the shell in between' });
  expect(relatives(leader, true)).toEqual(sorted(...pids));
});

test('children that a thread of the leader has started are found', async () => {
  const worker = `require('node:child_process').spawn('sh', ['-c', 'echo $$; exec sleep 1000'], {
    detached: true,
    stdio: ['ignore', 1, 2],
  })`;
  const script = `new (require('node:worker_threads').Worker)(${JSON.stringify(worker)}, { eval: true }); setInterval(() => {}, 1e6)`;
  const { leader, pids } = await startLeader([process.execPath, '-e', script], 1);
  expect(relatives(leader, false)).toEqual(sorted(...pids));
});

test('a sighting is of one process: it is not signalled once it has gone, whoever has its pid', async () => {
  const { leader, pids } = await startLeader(['sh', '-c', `setsid ${STAY} & wait`], 1);
  const sightings = relativesOf(leader.pid ?? 0, { bySession: false });
  expect(sendSignalTo(sightings, 0)).toBe(true);
  const later = sightings.map(({ pid, startTime }) => ({ pid, startTime: startTime - 1 }));
  expect(sendSignalTo(later, 'SIGKILL')).toBe(false);
  expect(pids.every(isAlive)).toBe(true);
  expect(sendSignalTo(sightings, 'SIGKILL')).toBe(true);
  await until(() => !pids.some(isAlive));
  expect(sendSignalTo([], 'SIGKILL')).toBe(false);
});

test('signalling what is not there is told, not thrown', () => {
  expect(sendSignal(2 ** 30, 'SIGKILL')).toBe(false);
  expect(sendSignal(-(2 ** 30), 'SIGKILL')).toBe(false);
  expect(sendSignal(process.pid, 0)).toBe(true);
});

test('a process without a terminal has no foreground group', async () => {
  const { leader } = await startLeader(['sh', '-c', 'echo $$; exec sleep 1000'], 1);
  expect(foregroundGroupOf(leader.pid ?? 0)).toBeUndefined();
  expect(foregroundGroupOf(2 ** 30)).toBeUndefined();
});
