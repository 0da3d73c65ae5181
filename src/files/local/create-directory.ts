import { mkdir } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import type { Access } from './access.js';
import { atPath, errnoOf, osError } from './os-error.js';
import { parentPath } from './os-path.js';

/** `recursive` makes the parents too, and is content with a directory that is there. */
export async function createDirectory(
  access: Access,
  path: NativePath,
  { recursive }: { recursive: boolean },
): Promise<void> {
  if (recursive) await makeWithParents(access, path);
  else await atPath(path, make(access, path));
}

// Not the `recursive` of node:fs: over a dangling link that one says ENOENT, where the real peers say EEXIST.
async function makeWithParents(access: Access, path: NativePath): Promise<void> {
  try {
    await make(access, path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || path === '/') return contentWithDirectory(access, path, error);
    await makeWithParents(access, parentPath(path));
    await make(access, path).catch((second: unknown) => contentWithDirectory(access, path, second));
  }
}

async function make(access: Access, path: NativePath): Promise<void> {
  const place = await access.name(path, 'write');
  try {
    await mkdir(place.os);
  } finally {
    place.release();
  }
}

/** Whatever kept us from making the directory does not matter when it is there, perhaps by somebody else's hand. */
async function contentWithDirectory(access: Access, path: NativePath, error: unknown): Promise<void> {
  if (!(await isDirectory(access, path))) throw osError(error, path);
}

async function isDirectory(access: Access, path: NativePath): Promise<boolean> {
  try {
    const place = await access.existing(path, 'read');
    try {
      return (await place.stat()).isDirectory();
    } finally {
      place.release();
    }
  } catch {
    return false;
  }
}
