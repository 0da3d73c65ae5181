import type { NativePath } from '../../protocol/paths.js';
import type { DirectoryEntry } from '../types.js';
import type { Access } from './access.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY } from './limits.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import { atPath, isSandboxDenied } from './os-error.js';
import { childPath } from './os-path.js';

/** The entries in the order of the operating system. Links are followed; those that lead nowhere are left out. */
export async function readDirectory(access: Access, path: NativePath): Promise<DirectoryEntry[]> {
  const place = await atPath(path, access.existing(path, 'read'));
  try {
    const listed = await listDirectory(place);
    const links = listed.filter((entry) => entry.type === 'symlink');
    const targets = new Map<ListedEntry, ListedEntry['type']>();
    await forEachBounded(links, FILE_CONCURRENCY, async (link) => {
      const type = await targetType(access, childPath(path, link.name));
      if (type) targets.set(link, type);
    });
    return listed.flatMap((entry) => {
      const type = entry.type === 'symlink' ? targets.get(entry) : entry.type;
      if (!type) return [];
      // Lossy on the wire, as on the real peers: JSON has no bytes.
      return [{ fileName: entry.name.toWellFormed(), isDirectory: type === 'directory', isFile: type === 'file' }];
    });
  } finally {
    place.release();
  }
}

async function targetType(access: Access, link: NativePath): Promise<ListedEntry['type'] | undefined> {
  try {
    const place = await access.existing(link, 'read');
    try {
      const stats = await place.stat();
      return stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
    } finally {
      place.release();
    }
  } catch (error) {
    // It is there, but what it leads to is nobody's business.
    if (isSandboxDenied(error)) return 'other';
    // Dangling, a loop, or not ours to follow: the caller learns it when it uses the name; the listing must not fail.
    return undefined;
  }
}
