import { lstat } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import { copyFile } from './copy-file.js';
import { copyLink } from './copy-link.js';
import { copyTree } from './copy-tree.js';
import { atPath, refused } from './os-error.js';
import { osPath } from './os-path.js';

/**
 * A link is copied as a link, and only where nothing is yet; a file goes into the file that the destination leads to
 * or a new one, with its mode; a directory, only if `recursive`, into the one that is there or a new one.
 */
export async function copy(
  source: NativePath,
  destination: NativePath,
  { recursive }: { recursive: boolean },
): Promise<void> {
  const stats = await atPath(source, lstat(osPath(source)));
  if (stats.isSymbolicLink()) return copyLink(source, destination);
  if (stats.isFile()) return copyFile(source, destination);
  if (!stats.isDirectory()) throw refused('fs/copy only supports regular files, directories, and symlinks', source);
  if (!recursive) throw refused('fs/copy requires recursive: true when sourcePath is a directory', source);
  return copyTree(source, destination);
}
