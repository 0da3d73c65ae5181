// What a run leaves behind if nobody looks: servers, their children, temp folders. All of it is registered here and
// removed at the end, also when the run is interrupted, so everything in this file is synchronous.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const MARK_NAME = 'EXEC_SERVER_BENCH_RUN';
// Each pass kills all that it sees; only a process forked during a pass needs another one.
const MAX_KILL_PASSES = 10;

const live = new Set();

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Already gone is what we want; the kernel knows.
    if (error.code !== 'ESRCH') throw error;
  }
}

function environOf(pid) {
  try {
    return fs.readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    // Ended between readdir and read, or not ours to read: either way not a process of this run.
    return '';
  }
}

/**
 * Servers put each child into its own session, so the server's process group does not hold them, and once a server is
 * dead the parent links are gone too. Hence the mark: an environment variable that only this run's processes carry.
 */
function killMarked(entry) {
  for (let pass = 0; pass < MAX_KILL_PASSES; pass++) {
    const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name) && environOf(name).includes(entry));
    if (pids.length === 0) return;
    for (const pid of pids) kill(Number(pid));
  }
}

/** A throwaway folder and a mark; `remove()` kills all that carries the mark, then deletes the folder. */
export function createLeftovers() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'exec-server-bench-'));
  const mark = randomUUID();
  const leftovers = {
    folder,
    mark: { [MARK_NAME]: mark },
    processGroup: undefined,
    remove() {
      if (leftovers.processGroup !== undefined) kill(-leftovers.processGroup);
      leftovers.processGroup = undefined;
      killMarked(`${MARK_NAME}=${mark}`);
      fs.rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
      live.delete(leftovers);
    },
  };
  live.add(leftovers);
  return leftovers;
}

export function removeAllLeftovers() {
  for (const leftovers of [...live]) leftovers.remove();
}

/** Covers the ends that no `finally` sees: a signal, an uncaught error. */
export function removeLeftoversAtExit() {
  process.on('exit', removeAllLeftovers);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => process.exit(128 + os.constants.signals[signal]));
  }
}
