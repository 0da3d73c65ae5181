import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { TRANSFER_BYTES, UNKNOWN_SIZE_BYTES } from './limits.js';
import { openForWriting, writeAll } from './open-for-writing.js';
import { type OpenedFile, openRegularAt } from './open-regular.js';
import { afterFirstChange, atPath, refused } from './os-error.js';

const PERMISSIONS = 0o777;
const SET_ID_AND_STICKY = 0o7000;

/**
 * Copies content and mode of a regular file into a new file, or into what the destination leads to.
 *
 * By hand, because the `copyFile` of node:fs copies nothing of a file that claims to be empty (/proc), never returns
 * for one that claims more than it holds (/sys), removes a destination that was there when it fails, and does nothing,
 * successfully, for a file onto itself.
 */
export async function copyFile(access: Access, source: Place, destination: NativePath): Promise<void> {
  const from = await openRegularAt(source);
  try {
    const createMode = Number(from.stats.mode) & PERMISSIONS;
    const to = await openForWriting(access, destination, { createMode });
    try {
      if (isSameFile(from, to)) throw refused('fs/copy cannot copy a file onto itself', destination);
      await afterFirstChange(destination, fill(to, { source: source.path, from, destination }));
    } finally {
      await atPath(destination, to.handle.close());
    }
  } finally {
    await atPath(source.path, from.handle.close());
  }
}

function isSameFile(a: OpenedFile, b: OpenedFile): boolean {
  return a.stats.dev === b.stats.dev && a.stats.ino === b.stats.ino;
}

async function fill(
  to: OpenedFile,
  { source, from, destination }: { source: NativePath; from: OpenedFile; destination: NativePath },
): Promise<void> {
  const mode = Number(from.stats.mode);
  if (to.stats.isFile()) {
    await to.handle.truncate(0);
    // Before the content comes, so that nobody reads it who may not read the source.
    if (((Number(to.stats.mode) ^ mode) & (PERMISSIONS | SET_ID_AND_STICKY)) !== 0) {
      await to.handle.chmod(mode & PERMISSIONS);
    }
  }
  const size = Number(from.stats.size);
  const buffer = Buffer.allocUnsafeSlow(size > 0 ? Math.min(size, TRANSFER_BYTES) : UNKNOWN_SIZE_BYTES);
  for (;;) {
    const { bytesRead } = await atPath(source, from.handle.read(buffer, 0, buffer.length, null));
    if (bytesRead === 0) break;
    await atPath(destination, writeAll(to.handle, buffer.subarray(0, bytesRead)));
  }
  // After it, because a write takes the set-id bits away, and because half a program must not have them.
  if (to.stats.isFile() && (mode & SET_ID_AND_STICKY) !== 0) {
    await to.handle.chmod(mode & (PERMISSIONS | SET_ID_AND_STICKY));
  }
}
