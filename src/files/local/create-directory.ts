import { mkdir, stat } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import { atPath, errnoOf, osError } from './os-error.js';
import { osPath, parentPath } from './os-path.js';

/** `recursive` makes the parents too, and is content with a directory that is there. */
export async function createDirectory(path: NativePath, { recursive }: { recursive: boolean }): Promise<void> {
  if (recursive) await makeWithParents(path);
  else await atPath(path, mkdir(osPath(path)));
}

// Not the `recursive` of node:fs: over a dangling link that one says ENOENT, where the real peers say EEXIST.
async function makeWithParents(path: NativePath): Promise<void> {
  try {
    await mkdir(osPath(path));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || path === '/') return contentWithDirectory(path, error);
    await makeWithParents(parentPath(path));
    await mkdir(osPath(path)).catch((second: unknown) => contentWithDirectory(path, second));
  }
}

/** Whatever kept us from making the directory does not matter when it is there, perhaps by somebody else's hand. */
async function contentWithDirectory(path: NativePath, error: unknown): Promise<void> {
  const isDirectory = await stat(osPath(path)).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (!isDirectory) throw osError(error, path);
}
