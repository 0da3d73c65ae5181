import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf } from '../../protocol/os-error.js';

/** Sends a signal to a process (positive id) or a process group (negative). False when there is none left. */
export function sendSignal(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(id, signal);
    return true;
  } catch (error) {
    // EPERM: it has become somebody else's, such as a setuid program; for us it is out of reach either way.
    const code = errnoOf(error);
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/** Which process a pid named when we looked: a later one with the same pid has another start time. */
export interface Sighting {
  pid: number;
  startTime: number;
}

/**
 * What a process has started that its group does not cover: children in other groups or sessions, and the jobs of an
 * interactive shell, which share its session only. `bySession` costs a look at every process of the machine.
 */
export function relativesOf(leader: number, options: { bySession: boolean }): Sighting[] {
  if (process.platform !== 'linux') return [];
  const found = new Set<number>();
  if (options.bySession) {
    for (const entry of readdirSync('/proc')) {
      const pid = Number(entry);
      if (Number.isInteger(pid) && pid !== leader && readStat(pid)?.session === leader) found.add(pid);
    }
  }
  const open = [leader, ...found];
  for (let pid = open.pop(); pid !== undefined; pid = open.pop()) {
    for (const child of childrenOf(pid)) {
      if (found.has(child)) continue;
      found.add(child);
      open.push(child);
    }
  }
  return [...found].flatMap((pid) => {
    const stat = readStat(pid);
    return stat && stat.group !== leader ? { pid, startTime: stat.startTime } : [];
  });
}

/** Sends a signal to those that are still there. False when none is. */
export function sendSignalTo(sightings: readonly Sighting[], signal: NodeJS.Signals | 0): boolean {
  const there = sightings.filter(({ pid, startTime }) => readStat(pid)?.startTime === startTime);
  return there.filter(({ pid }) => sendSignal(pid, signal)).length > 0;
}

/** The foreground process group of the terminal that `pid` is on. */
export function foregroundGroupOf(pid: number): number | undefined {
  const group = readStat(pid)?.foregroundGroup;
  return group !== undefined && group > 0 ? group : undefined;
}

/** The kernel lists children by the thread that forked them. */
export function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.flatMap((thread) => {
      return readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
    });
  } catch {
    return []; // it has ended, or the kernel has no such file: its group is signalled in any case
  }
}

interface Stat {
  group: number;
  session: number;
  foregroundGroup: number;
  startTime: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field, the name, may hold anything, spaces and parentheses included.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (n: number) => Number(fields[n - 3]); // numbered as in proc_pid_stat(5)
    return { group: field(5), session: field(6), foregroundGroup: field(8), startTime: field(22) };
  } catch {
    return undefined; // ended between the listing and the look
  }
}
