import { link, rename as renameAt, unlink } from 'node:fs/promises';
import { ErrorCode, WireError } from '../../protocol/errors.js';
import { osErrorText } from '../../protocol/os-error.js';
import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { atPath, errnoOf, osError } from './os-error.js';

/**
 * Moves a file, a link (not what it leads to) or a directory within one file system; EXDEV across two. Without
 * `overwrite` whatever is at the destination is kept, and EEXIST the answer.
 */
export async function rename(
  access: Access,
  source: NativePath,
  destination: NativePath,
  { overwrite }: { overwrite: boolean },
): Promise<void> {
  const from = await atPath(source, access.name(source, 'replace'));
  try {
    const to = await atPath(destination, access.name(destination, 'replace'));
    try {
      const isDirectory = (await atPath(source, from.stat())).isDirectory();
      if (isDirectory) await access.requireTree(from, 'replace');
      if (overwrite) await atPath(destination, renameAt(from.os, to.os));
      else if (isDirectory) await renameDirectory(from, to);
      else await renameFile(from, to);
    } finally {
      to.release();
    }
  } finally {
    from.release();
  }
}

/** What a file system says that has no hard links, or no room for one more. */
const WITHOUT_HARD_LINKS = new Set<string | undefined>(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** A second name, then the first one goes: unlike `rename`, this replaces nothing that appears at the last moment. */
async function renameFile(from: Place, to: Place): Promise<void> {
  try {
    await link(from.os, to.os);
  } catch (error) {
    // Not every file system has hard links.
    if (!WITHOUT_HARD_LINKS.has(errnoOf(error))) throw osError(error, to.path);
    return renameDirectory(from, to);
  }
  try {
    await unlink(from.os);
  } catch (error) {
    await unlink(to.os).catch(() => undefined);
    throw osError(error, from.path);
  }
}

/** A directory cannot have two names. At worst an empty directory that appears at the last moment is replaced. */
async function renameDirectory(from: Place, to: Place): Promise<void> {
  if (await isThere(to)) throw alreadyThere(to.path);
  await atPath(to.path, renameAt(from.os, to.os));
}

async function isThere(place: Place): Promise<boolean> {
  try {
    await place.stat();
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw osError(error, place.path);
  }
}

function alreadyThere(path: NativePath): WireError {
  return new WireError(ErrorCode.internal, `${osErrorText('EEXIST')}: ${path.toWellFormed()}`, {
    kind: 'io_error',
    path: path.toWellFormed(),
    errno: 'EEXIST',
  });
}
