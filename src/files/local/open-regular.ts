import { type BigIntStats, constants, fstatSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { isLocalDevice } from './mounts.js';
import { atPath, notAFile, osError } from './os-error.js';

export interface OpenedFile {
  handle: FileHandle;
  stats: BigIntStats;
}

// Non-blocking, so that nothing put there between the two looks can hold a thread for ever.
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Opens a regular file for reading, links followed; anything else is refused. The caller closes. Throws WireError. */
export async function openRegular(access: Access, path: NativePath): Promise<OpenedFile> {
  const place = await atPath(path, access.existing(path, 'read'));
  try {
    return await openRegularAt(place);
  } finally {
    place.release();
  }
}

/** The same at a place that has been found. */
export async function openRegularAt(place: Place): Promise<OpenedFile> {
  const { path } = place;
  // Looked at first: opening alone lets the writer of a fifo go on and lose its bytes, or arms a watchdog.
  const before = await atPath(path, place.stat());
  if (!before.isFile()) throw notAFile(path);
  const handle = await atPath(path, open(place.os, READ_FLAGS | place.openFlags));
  if (place.held) return { handle, stats: before };
  try {
    const stats = isLocalDevice(before.dev)
      ? fstatSync(handle.fd, { bigint: true }) // a trip through the thread pool costs ten times as much
      : await handle.stat({ bigint: true });
    if (!stats.isFile()) throw notAFile(path);
    await place.confirm(stats);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw osError(error, path);
  }
}
