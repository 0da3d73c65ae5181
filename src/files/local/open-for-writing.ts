import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import type { NativePath } from '../../protocol/paths.js';
import { READER_PATIENCE_MS, TRANSFER_BYTES, WRITE_RETRY_MAX_MS } from './limits.js';
import type { OpenedFile } from './open-regular.js';
import { atPath, errnoOf, notAFile, osError } from './os-error.js';
import { osPath } from './os-path.js';

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
  path: NativePath,
  { createMode, patienceMs = READER_PATIENCE_MS }: WriteOptions & { createMode: number },
): Promise<OpenedFile> {
  const handle = await atPath(path, openNow(path, { createMode, patienceMs }));
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile() && !stats.isCharacterDevice() && !stats.isFIFO()) throw notAFile(path);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw osError(error, path);
  }
}

async function openNow(
  path: NativePath,
  { createMode, patienceMs }: { createMode: number; patienceMs: number },
): Promise<FileHandle> {
  try {
    return await open(osPath(path), WRITE_FLAGS | constants.O_CREAT, createMode);
  } catch (error) {
    // A fifo without a reader answers so, but a socket and a device without a driver do too.
    if (errnoOf(error) !== 'ENXIO' || !(await stat(osPath(path))).isFIFO()) throw error;
    return await withPatience('ENXIO', patienceMs, () => open(osPath(path), WRITE_FLAGS));
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
