import type { NativePath } from '../../protocol/paths.js';
import type { FileMetadata } from '../types.js';
import type { Access, Place } from './access.js';

/** A link that leads nowhere is `ENOENT`. */
export async function getMetadata(access: Access, path: NativePath): Promise<FileMetadata> {
  // Bigint, because the float milliseconds of node:fs round the last nanoseconds of a millisecond up.
  const own = await look(await access.name(path, 'read'));
  const target = own.isSymbolicLink() ? await look(await access.existing(path, 'read')) : own;
  return {
    isDirectory: target.isDirectory(),
    isFile: target.isFile(),
    isSymlink: own.isSymbolicLink(),
    size: Number(target.size),
    createdAtMs: wholeMs(target.birthtimeNs),
    modifiedAtMs: wholeMs(target.mtimeNs),
  };
}

async function look(place: Place) {
  try {
    return await place.stat();
  } finally {
    place.release();
  }
}

/** Before 1970 is 0, as on the real peers, whose times are unsigned. */
function wholeMs(ns: bigint): number {
  return ns > 0n ? Number(ns / 1_000_000n) : 0;
}
