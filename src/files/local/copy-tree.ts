import { realpath, stat } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import { copyFile } from './copy-file.js';
import { copyLink } from './copy-link.js';
import { createDirectory } from './create-directory.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY } from './limits.js';
import { listDirectory } from './list-directory.js';
import { afterFirstChange, atPath, errnoOf, osError, refused } from './os-error.js';
import { childPath, osPath, parentPath } from './os-path.js';

/** Device and inode: what makes a directory the same one, whatever path led there. */
type Identity = string;

/** Merges a directory into the destination, which is made, with its parents, if it is not there. */
export async function copyTree(source: NativePath, destination: NativePath): Promise<void> {
  if (await isInside(destination, source)) throw intoItself(destination);
  await afterFirstChange(destination, mergeInto(destination, source, new Set()));
}

/**
 * `written` are the directories that this copy has put something into: coming upon one of them as a source means that
 * a link inside the destination leads back into the source, and the copy would feed on itself for ever.
 */
async function mergeInto(destination: NativePath, source: NativePath, written: Set<Identity>): Promise<void> {
  if (written.has(await identityOf(source))) throw intoItself(destination);
  await createDirectory(destination, { recursive: true });
  written.add(await identityOf(destination));
  const entries = await listDirectory(source);
  await forEachBounded(entries, FILE_CONCURRENCY, async ({ name, type }) => {
    if (type === 'file') await copyFile(childPath(source, name), childPath(destination, name));
    if (type === 'symlink') await copyLink(childPath(source, name), childPath(destination, name));
    // Fifos, sockets and devices have no content to copy: skipped, as on the real peers.
  });
  for (const { name, type } of entries) {
    if (type === 'directory') await mergeInto(childPath(destination, name), childPath(source, name), written);
  }
}

/** Whether a path, which need not exist, is the directory or leads below it: through links and bind mounts too. */
async function isInside(path: NativePath, directory: NativePath): Promise<boolean> {
  const sought = await identityOf(directory);
  for (let at = await deepestExisting(path); ; at = parentPath(at)) {
    if ((await identityOf(at)) === sought) return true;
    if (at === '/') return false;
  }
}

/** The real path of the last directory on the way that exists. */
async function deepestExisting(path: NativePath): Promise<NativePath> {
  try {
    return pathFromBytes(await realpath(osPath(path), { encoding: 'buffer' }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' && path !== '/') return deepestExisting(parentPath(path));
    throw osError(error, path);
  }
}

async function identityOf(path: NativePath): Promise<Identity> {
  const { dev, ino } = await atPath(path, stat(osPath(path), { bigint: true }));
  return `${dev}:${ino}`;
}

function intoItself(path: NativePath): Error {
  return refused('fs/copy cannot copy a directory to itself or one of its descendants', path);
}
