import { opendir } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import type { Place } from './access.js';
import { DIRECTORY_BATCH_ENTRIES } from './limits.js';
import { atPath } from './os-error.js';

/** A name in a directory, links not followed. */
export interface ListedEntry {
  name: NativePath;
  type: 'file' | 'directory' | 'symlink' | 'other';
}

// Known to node:fs, not to its typings: names arrive as Buffers. Decoded by Node, a name that is not UTF-8 is lost.
const AS_BYTES = 'buffer' as BufferEncoding;

/** Everything in a directory but `.` and `..`, in the order of the operating system. Throws WireError. */
export async function listDirectory(place: Place): Promise<ListedEntry[]> {
  return atPath(place.path, list(place.os));
}

async function list(path: string | Buffer): Promise<ListedEntry[]> {
  const entries: ListedEntry[] = [];
  // `opendir`, because libuv sorts what `readdir` returns. The loop closes the directory, however it ends.
  const directory = await opendir(path as string, { encoding: AS_BYTES, bufferSize: DIRECTORY_BATCH_ENTRIES });
  for await (const entry of directory) {
    entries.push({
      name: pathFromBytes(entry.name as unknown as Buffer),
      type: entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'symlink' : 'other',
    });
  }
  return entries;
}
