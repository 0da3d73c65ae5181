import { readlink, symlink } from 'node:fs/promises';
import type { NativePath } from '../../protocol/paths.js';
import { atPath } from './os-error.js';
import { osPath } from './os-path.js';

/** Makes a link with the same text, which may lead elsewhere from where it is now. Replaces nothing. */
export async function copyLink(source: NativePath, destination: NativePath): Promise<void> {
  const target = await atPath(source, readlink(osPath(source), { encoding: 'buffer' }));
  await atPath(destination, symlink(target, osPath(destination)));
}
