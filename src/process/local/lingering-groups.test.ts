import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, until } from '../../../test/harness/index.js';
import { LingeringGroups } from './lingering-groups.js';
import { sendSignal } from './process-tree.js';

function lingering() {
  const gone: number[] = [];
  return { gone, groups: new LingeringGroups((leader) => gone.push(leader)) };
}

/** The leader of a group of its own, and the pid that its script says. */
async function startGroup(script: string): Promise<{ leader: ChildProcess; pid: number; said: number }> {
  const leader = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid = 0 } = leader;
  onTestFinished(() => void sendSignal(-pid, 'SIGKILL'));
  const [chunk] = (await once(leader.stdout, 'data')) as [Buffer];
  return { leader, pid, said: Number(chunk.toString()) };
}

/** Its leader has ended, and the member that it left behind is named. */
async function startLeaderless(): Promise<{ pid: number; member: number }> {
  const { leader, pid, said } = await startGroup('sleep 1000 >/dev/null 2>&1 & echo $!');
  if (leader.exitCode === null) await once(leader, 'exit');
  expect(isAlive(said)).toBe(true);
  return { pid, member: said };
}

test('what a leader has left behind in its group is ended', async () => {
  const { pid, member } = await startLeaderless();
  const { groups, gone } = lingering();
  groups.add(pid);
  expect(gone).toEqual([]);
  groups.kill();
  await until(() => !isAlive(member));
});

test('a group that has gone is told of once, whenever that is noticed', async () => {
  const first = await startLeaderless();
  const second = await startLeaderless();
  const { groups, gone } = lingering();
  groups.add(first.pid);
  sendSignal(first.member, 'SIGKILL');
  await until(() => !sendSignal(-first.pid, 0));
  groups.add(second.pid);
  groups.kill();
  expect(gone).toEqual([first.pid]);
});

test('a stranger who has got the pid of a leader is spared', async () => {
  const { pid, said } = await startGroup('sleep 1000 & echo $!; wait');
  const { groups, gone } = lingering();
  groups.add(pid);
  expect(gone).toEqual([pid]);
  groups.kill();
  groups.replace(pid);
  expect(gone).toEqual([pid]);
  expect([isAlive(pid), isAlive(said)]).toEqual([true, true]);
});

test('a new child with the pid of a leader that has gone is not ended as what that has left behind', async () => {
  const { pid, member } = await startLeaderless();
  const { groups, gone } = lingering();
  groups.add(pid);
  groups.replace(pid); // as if the group had gone, and the number been given away, unnoticed
  expect(gone).toEqual([pid]);
  groups.kill();
  expect(isAlive(member)).toBe(true);
});
