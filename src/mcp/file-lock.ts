import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOCK_ABANDONED_MS, LOCK_POLL_MS } from './limits.js';

/**
 * Runs `action` while no other process that asks for the same lock runs its own. The lock is a file that says who holds
 * it. One whose holder has died, or that is older than anybody needs, is taken over.
 */
export async function withFileLock<T>(lock: string, action: () => Promise<T>): Promise<T> {
  await acquire(lock);
  try {
    return await action();
  } finally {
    await rm(lock, { force: true });
  }
}

async function acquire(lock: string): Promise<void> {
  const own = `${lock}.${randomBytes(6).toString('hex')}`;
  await writeFile(own, `${hostname()} ${process.pid}`, { mode: 0o600 });
  try {
    // Linked, not created: nobody ever sees a lock that does not say yet who holds it.
    while (!(await tryLink(own, lock))) {
      if (await isAbandoned(lock)) await putAside(lock);
      else await sleep(LOCK_POLL_MS);
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function tryLink(own: string, lock: string): Promise<boolean> {
  try {
    await link(own, lock);
    return true;
  } catch (error) {
    if (isError(error, 'EEXIST')) return false;
    throw error;
  }
}

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    const [host, pid] = (await readFile(lock, 'utf8')).split(' ');
    if (Date.now() - (await stat(lock)).mtimeMs > LOCK_ABANDONED_MS) return true;
    return host === hostname() && !isAlive(Number(pid));
  } catch (error) {
    if (isError(error, 'ENOENT')) return false; // released meanwhile
    throw error;
  }
}

/** Of several who want to, one succeeds: a rename, unlike a removal, tells who was first. */
async function putAside(lock: string): Promise<void> {
  const aside = `${lock}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(lock, aside);
  } catch (error) {
    if (!isError(error, 'ENOENT')) throw error;
    return;
  }
  // Somebody faster may have taken it over in between; then what was moved is theirs and goes back.
  if (!(await isAbandoned(aside))) await tryLink(aside, lock);
  await rm(aside, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isError(error, 'ESRCH');
  }
}

function isError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
