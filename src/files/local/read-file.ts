import type { FileHandle } from 'node:fs/promises';
import { MAX_READ_FILE_BYTES } from '../../protocol/limits.js';
import type { NativePath } from '../../protocol/paths.js';
import type { Access } from './access.js';
import { TRANSFER_BYTES, UNKNOWN_SIZE_BYTES } from './limits.js';
import { openRegular } from './open-regular.js';
import { atPath, tooLarge } from './os-error.js';

/** The whole content of a regular file of at most `maxBytes`. */
export async function readFile(
  access: Access,
  path: NativePath,
  maxBytes: number = MAX_READ_FILE_BYTES,
): Promise<Buffer> {
  const { handle, stats } = await openRegular(access, path);
  try {
    // The limit that no `maxBytes` lifts comes first, as on the real peers.
    if (stats.size > MAX_READ_FILE_BYTES) throw tooLarge(path, MAX_READ_FILE_BYTES);
    if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
    const content = await atPath(path, readToEnd(handle, { expectedBytes: Number(stats.size), maxBytes }));
    if (!content) throw tooLarge(path, maxBytes);
    return content;
  } finally {
    // Not waited for: it costs as much as the read.
    void handle.close().catch(() => undefined); // of a file that was only read it has nothing to tell
  }
}

/** Reads on until the file ends, whatever size it claimed; undefined if it holds more than `maxBytes`. */
async function readToEnd(
  handle: FileHandle,
  { expectedBytes, maxBytes }: { expectedBytes: number; maxBytes: number },
): Promise<Buffer | undefined> {
  const full: Buffer[] = [];
  let fullBytes = 0;
  // One byte more than expected, so that a file of the size that it claims ends inside the first buffer.
  let buffer = Buffer.allocUnsafeSlow(expectedBytes > 0 ? expectedBytes + 1 : UNKNOWN_SIZE_BYTES);
  let filled = 0;
  for (;;) {
    const wanted = Math.min(buffer.length - filled, TRANSFER_BYTES);
    const { bytesRead } = await handle.read(buffer, filled, wanted, null);
    filled += bytesRead;
    if (fullBytes + filled > maxBytes) return undefined;
    // A file ends where it said it would: asked for a byte more, it gave none. Others say so with an empty read.
    if (bytesRead === 0 || (bytesRead < wanted && fullBytes + filled === expectedBytes)) break;
    if (filled === buffer.length) {
      full.push(buffer);
      fullBytes += filled;
      buffer = Buffer.allocUnsafeSlow(TRANSFER_BYTES);
      filled = 0;
    }
  }
  const rest = buffer.subarray(0, filled);
  return full.length === 0 ? rest : Buffer.concat([...full, rest]);
}
