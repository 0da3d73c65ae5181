import { realpath, stat } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
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
export async function copyTree(access: Access, source: Place, destination: NativePath): Promise<void> {
  if (await isInside(destination, await identityOf(source))) throw intoItself(destination);
  await afterFirstChange(destination, mergeInto(access, destination, source, new Set()));
}

/**
 * `written` are the directories that this copy has put something into: coming upon one of them as a source means that
 * a link inside the destination leads back into the source, and the copy would feed on itself for ever.
 */
async function mergeInto(
  access: Access,
  destination: NativePath,
  source: Place,
  written: Set<Identity>,
): Promise<void> {
  if (written.has(await identityOf(source))) throw intoItself(destination);
  await createDirectory(access, destination, { recursive: true });
  const target = await atPath(destination, access.existing(destination, 'write'));
  try {
    written.add(await identityOf(target));
    const entries = await listDirectory(source);
    await forEachBounded(entries, FILE_CONCURRENCY, async ({ name, type }) => {
      // Fifos, sockets and devices have no content to copy: skipped, as on the real peers.
      if (type !== 'file' && type !== 'symlink') return;
      const from = await access.child(source, name, 'read');
      if (type === 'symlink') await copyLink(from, await access.child(target, name, 'replace'));
      else await held(access, from, (place) => copyFile(access, place, childPath(destination, name)));
    });
    for (const { name, type } of entries) {
      if (type !== 'directory') continue;
      const from = await access.child(source, name, 'read');
      await held(access, from, (place) => mergeInto(access, childPath(destination, name), place, written));
    }
  } finally {
    target.release();
  }
}

async function held(access: Access, name: Place, work: (place: Place) => Promise<void>): Promise<void> {
  const place = await atPath(name.path, access.hold(name, 'read'));
  try {
    await work(place);
  } finally {
    place.release();
  }
}

/** Whether a path, which need not exist, is the directory or leads below it: through links and bind mounts too. */
async function isInside(path: NativePath, directory: Identity): Promise<boolean> {
  for (let at = await deepestExisting(path); ; at = parentPath(at)) {
    const { dev, ino } = await atPath(at, stat(osPath(at), { bigint: true }));
    if (`${dev}:${ino}` === directory) return true;
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

async function identityOf(place: Place): Promise<Identity> {
  const { dev, ino } = await atPath(place.path, place.stat());
  return `${dev}:${ino}`;
}

function intoItself(path: NativePath): Error {
  return refused('fs/copy cannot copy a directory to itself or one of its descendants', path);
}
