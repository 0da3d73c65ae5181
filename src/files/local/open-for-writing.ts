import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { READER_PATIENCE_MS, TRANSFER_BYTES, WRITE_RETRY_MAX_MS } from './limits.js';
import type { OpenedFile } from './open-regular.js';
import { atPath, errnoOf, notAFile, osError } from './os-error.js';

export interface WriteOptions {
  /** How long a fifo or a terminal may take nothing before the write fails. */
  patienceMs?: number;
}

// Non-blocking, so that a fifo without a reader cannot hold a thread for ever. Not truncating: the caller looks first.
const WRITE_FLAGS = constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens for writing, links followed, also those that lead nowhere yet; creates with `createMode` less the umask.
 * Waits for the reader of a fifo. Block devices are refused. The caller closes. Throws WireError.
 */
export async function openForWriting(
  access: Access,
  path: NativePath,
  { createMode, patienceMs = READER_PATIENCE_MS }: WriteOptions & { createMode: number },
): Promise<OpenedFile> {
  const place = await atPath(path, access.creatable(path));
  try {
    const handle = await openNow(place, { createMode, patienceMs });
    try {
      const stats = await handle.stat({ bigint: true });
      if (!stats.isFile() && !stats.isCharacterDevice() && !stats.isFIFO()) throw notAFile(path);
      await place.confirm(stats);
      return { handle, stats };
    } catch (error) {
      await handle.close();
      throw error;
    }
  } catch (error) {
    throw osError(error, path);
  } finally {
    place.release();
  }
}

async function openNow(
  place: Place,
  { createMode, patienceMs }: { createMode: number; patienceMs: number },
): Promise<FileHandle> {
  const flags = WRITE_FLAGS | place.openFlags;
  try {
    return await open(place.os, flags | constants.O_CREAT, createMode);
  } catch (error) {
    // A fifo without a reader answers so, but a socket and a device without a driver do too.
    if (errnoOf(error) !== 'ENXIO' || !(await place.stat()).isFIFO()) throw error;
    return await withPatience('ENXIO', patienceMs, () => open(place.os, flags));
  }
}

/** Writes all of `data` at the current position, waiting while a fifo is full. Throws what node:fs throws. */
export async function writeAll(
  handle: FileHandle,
  data: Buffer,
  { patienceMs = READER_PATIENCE_MS }: WriteOptions = {},
): Promise<void> {
  let offset = 0;
  while (offset < data.length) {
    const length = Math.min(data.length - offset, TRANSFER_BYTES);
    const write = () => handle.write(data, offset, length, null);
    offset += (await withPatience('EAGAIN', patienceMs, write)).bytesWritten;
  }
}

/** Tries again as long as it fails with `errno`, until patience ends: then that failure is the answer. */
async function withPatience<T>(errno: string, patienceMs: number, attempt: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, WRITE_RETRY_MAX_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (errnoOf(error) !== errno || performance.now() >= deadline) throw error;
      await pause(pauseMs);
    }
  }
}
