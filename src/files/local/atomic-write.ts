import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { writeAll } from './open-for-writing.js';
import { atPath, errnoOf, notAFile } from './os-error.js';
import { parentPath } from './os-path.js';
import { CREATE_MODE } from './write-file.js';

const PERMISSIONS = 0o7777;

/**
 * Puts the content into a new file beside the old one, on the disk, and then in its place: readers see the old or the
 * new content, also after a crash. Links are followed. Mode stays, owner where we may; other hard links keep the old.
 */
export async function writeFileAtomically(access: Access, path: NativePath, data: Buffer): Promise<void> {
  const target = await atPath(path, access.replaceable(path));
  try {
    const old = await statIfThere(target);
    if (old && !old.isFile()) throw notAFile(path);
    const temporary = await atPath(path, access.sibling(target, temporaryName()));
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | temporary.openFlags;
    const handle = await atPath(path, open(temporary.os, flags, old ? 0o600 : CREATE_MODE));
    try {
      await atPath(path, fill(handle, data, old));
      await atPath(path, rename(temporary.os, target.os));
    } catch (error) {
      await unlink(temporary.os).catch(() => undefined); // the first failure is the one to tell
      throw error;
    }
    await syncDirectory(access, path);
  } finally {
    target.release();
  }
}

async function fill(handle: FileHandle, data: Buffer, old: { mode: bigint; uid: bigint; gid: bigint } | undefined) {
  try {
    await writeAll(handle, data);
    if (old) {
      // Owner first: a change of owner takes the set-id bits away. Only root may give files away; others keep theirs.
      await handle.chown(Number(old.uid), Number(old.gid)).catch(() => undefined);
      await handle.chmod(Number(old.mode) & PERMISSIONS);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** So that the rename outlives a crash, too. The content is in place: what cannot be synced is no failure. */
async function syncDirectory(access: Access, path: NativePath): Promise<void> {
  try {
    const place = await access.existing(parentPath(path), 'read');
    try {
      const handle = await open(place.os, constants.O_RDONLY | constants.O_DIRECTORY);
      await handle.sync().finally(() => handle.close());
    } finally {
      place.release();
    }
  } catch {
    // A directory that may be written but not read, or a file system without sync for directories.
  }
}

async function statIfThere(place: Place) {
  try {
    return await place.stat();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function temporaryName(): string {
  return `.exec-server-${randomBytes(8).toString('hex')}.tmp`;
}
