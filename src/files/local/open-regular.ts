import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import { atPath, notAFile, osError } from './os-error.js';
import { osPath } from './os-path.js';

export interface OpenedFile {
  handle: FileHandle;
  stats: BigIntStats;
}

// Non-blocking, so that nothing put there between the two looks can hold a thread for ever.
const READ_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Opens a regular file for reading, links followed; anything else is refused. The caller closes. Throws WireError. */
export async function openRegular(path: NativePath): Promise<OpenedFile> {
  // Looked at first: opening alone lets the writer of a fifo go on and lose its bytes, or arms a watchdog.
  const before = await atPath(path, stat(osPath(path)));
  if (!before.isFile()) throw notAFile(path);
  const handle = await atPath(path, open(osPath(path), READ_FLAGS));
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw notAFile(path);
    return { handle, stats };
  } catch (error) {
    await handle.close();
    throw osError(error, path);
  }
}
