import type { NativePath } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import { copyFile } from './copy-file.js';
import { copyLink } from './copy-link.js';
import { copyTree } from './copy-tree.js';
import { atPath, refused } from './os-error.js';

/**
 * A link is copied as a link, and only where nothing is yet; a file goes into the file that the destination leads to
 * or a new one, with its mode; a directory, only if `recursive`, into the one that is there or a new one.
 */
export async function copy(
  access: Access,
  source: NativePath,
  destination: NativePath,
  { recursive }: { recursive: boolean },
): Promise<void> {
  const name = await atPath(source, access.name(source, 'read'));
  try {
    await copyPlace(access, name, destination, recursive);
  } finally {
    name.release();
  }
}

async function copyPlace(access: Access, name: Place, destination: NativePath, recursive: boolean): Promise<void> {
  const { path } = name;
  const stats = await atPath(path, name.stat());
  if (stats.isSymbolicLink()) return copyLinkTo(access, name, destination);
  const source = await atPath(path, access.hold(name, 'read'));
  try {
    if (stats.isFile()) return await copyFile(access, source, destination);
    if (!stats.isDirectory()) throw refused('fs/copy only supports regular files, directories, and symlinks', path);
    if (!recursive) throw refused('fs/copy requires recursive: true when sourcePath is a directory', path);
    await access.requireTree(source, 'read');
    return await copyTree(access, source, destination);
  } finally {
    source.release();
  }
}

async function copyLinkTo(access: Access, source: Place, destination: NativePath): Promise<void> {
  const place = await atPath(destination, access.name(destination, 'replace'));
  try {
    await copyLink(source, place);
  } finally {
    place.release();
  }
}
