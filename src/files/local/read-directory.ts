import { stat } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { DirectoryEntry } from '../types.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY } from './limits.js';
import { type ListedEntry, listDirectory } from './list-directory.js';
import { childPath, osPath } from './os-path.js';

/** The entries in the order of the operating system. Links are followed; those that lead nowhere are left out. */
export async function readDirectory(path: NativePath): Promise<DirectoryEntry[]> {
  const listed = await listDirectory(path);
  const links = listed.filter((entry) => entry.type === 'symlink');
  const targets = new Map<ListedEntry, ListedEntry['type']>();
  await forEachBounded(links, FILE_CONCURRENCY, async (link) => {
    const type = await targetType(childPath(path, link.name));
    if (type) targets.set(link, type);
  });
  const entries: DirectoryEntry[] = [];
  for (const entry of listed) {
    const type = entry.type === 'symlink' ? targets.get(entry) : entry.type;
    if (!type) continue;
    // Lossy on the wire, as on the real peers: JSON has no bytes.
    entries.push({
      fileName: entry.name.toWellFormed(),
      isDirectory: type === 'directory',
      isFile: type === 'file',
    });
  }
  return entries;
}

async function targetType(link: NativePath): Promise<ListedEntry['type'] | undefined> {
  try {
    const stats = await stat(osPath(link));
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
  } catch {
    // Dangling, a loop, or not ours to follow: the caller learns it when it uses the name; the listing must not fail.
    return undefined;
  }
}
