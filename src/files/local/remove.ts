import { lstat, rmdir, unlink } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY } from './limits.js';
import { listDirectory } from './list-directory.js';
import { afterFirstChange, atPath, errnoOf, osError, refused } from './os-error.js';
import { childPath, osPath } from './os-path.js';

export interface RemoveOptions {
  /** Directories with all that is in them; without it, only empty ones. */
  recursive: boolean;
  /** A path that does not exist is no error. */
  force: boolean;
}

/** Links are removed, never followed. */
export async function remove(path: NativePath, { recursive, force }: RemoveOptions): Promise<void> {
  try {
    const stats = await lstat(osPath(path));
    if (!stats.isDirectory()) await unlink(osPath(path));
    else if (recursive) await removeTree(path);
    else await rmdir(osPath(path));
  } catch (error) {
    if (!(force && errnoOf(error) === 'ENOENT')) throw osError(error, path);
  }
}

async function removeTree(path: NativePath): Promise<void> {
  // Removing `/` itself always fails, but only after everything in it is gone.
  if (path === '/') throw refused('the root directory cannot be removed', path);
  await afterFirstChange(path, emptyAndRemove(path));
}

async function emptyAndRemove(directory: NativePath): Promise<void> {
  const entries = await unlessGone(listDirectory(directory));
  if (!entries) return;
  const others = entries.filter((entry) => entry.type !== 'directory');
  await forEachBounded(others, FILE_CONCURRENCY, async ({ name }) => {
    const path = childPath(directory, name);
    await unlessGone(atPath(path, unlink(osPath(path))));
  });
  for (const { name, type } of entries) {
    if (type === 'directory') await emptyAndRemove(childPath(directory, name));
  }
  await unlessGone(atPath(directory, rmdir(osPath(directory))));
}

/** Inside a tree somebody else may be faster; what is gone is what we wanted. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
