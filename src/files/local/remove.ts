import { rmdir, unlink } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY } from './limits.js';
import { listDirectory } from './list-directory.js';
import { afterFirstChange, atPath, errnoOf, osError, refused } from './os-error.js';

export interface RemoveOptions {
  /** Directories with all that is in them; without it, only empty ones. */
  recursive: boolean;
  /** A path that does not exist is no error. */
  force: boolean;
}

/** Links are removed, never followed. */
export async function remove(access: Access, path: NativePath, { recursive, force }: RemoveOptions): Promise<void> {
  try {
    const place = await access.name(path, 'replace');
    try {
      const stats = await place.stat();
      if (!stats.isDirectory()) await unlink(place.os);
      else if (recursive) await removeTree(access, place);
      else await rmdir(place.os);
    } finally {
      place.release();
    }
  } catch (error) {
    if (!(force && errnoOf(error) === 'ENOENT')) throw osError(error, path);
  }
}

async function removeTree(access: Access, place: Place): Promise<void> {
  // Removing `/` itself always fails, but only after everything in it is gone.
  if (place.path === '/') throw refused('the root directory cannot be removed', place.path);
  await access.requireTree(place, 'replace');
  await afterFirstChange(place.path, emptyAndRemove(access, place));
}

async function emptyAndRemove(access: Access, name: Place): Promise<void> {
  const directory = await unlessGone(atPath(name.path, access.hold(name, 'write')));
  if (!directory) return;
  try {
    const entries = await unlessGone(listDirectory(directory));
    if (!entries) return;
    const others = entries.filter((entry) => entry.type !== 'directory');
    await forEachBounded(others, FILE_CONCURRENCY, async (entry) => {
      const place = await access.child(directory, entry.name, 'replace');
      await unlessGone(atPath(place.path, unlink(place.os)));
    });
    for (const entry of entries) {
      if (entry.type === 'directory')
        await emptyAndRemove(access, await access.child(directory, entry.name, 'replace'));
    }
  } finally {
    directory.release();
  }
  await unlessGone(atPath(name.path, rmdir(name.os)));
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
