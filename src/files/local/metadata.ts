import { lstat, stat } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { FileMetadata } from '../types.js';
import { osPath } from './os-path.js';

/** A link that leads nowhere is `ENOENT`. */
export async function getMetadata(path: NativePath): Promise<FileMetadata> {
  // Bigint, because the float milliseconds of node:fs round the last nanoseconds of a millisecond up.
  const own = await lstat(osPath(path), { bigint: true });
  const target = own.isSymbolicLink() ? await stat(osPath(path), { bigint: true }) : own;
  return {
    isDirectory: target.isDirectory(),
    isFile: target.isFile(),
    isSymlink: own.isSymbolicLink(),
    size: Number(target.size),
    createdAtMs: wholeMs(target.birthtimeNs),
    modifiedAtMs: wholeMs(target.mtimeNs),
  };
}

/** Before 1970 is 0, as on the real peers, whose times are unsigned. */
function wholeMs(ns: bigint): number {
  return ns > 0n ? Number(ns / 1_000_000n) : 0;
}
