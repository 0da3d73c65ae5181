import { readlink, symlink } from 'node:fs/promises';
import type { Place } from './access.js';
import { atPath } from './os-error.js';

/** Makes a link with the same text, which may lead elsewhere from where it is now. Replaces nothing. */
export async function copyLink(source: Place, destination: Place): Promise<void> {
  const target = await atPath(source.path, readlink(source.os, { encoding: 'buffer' }));
  await atPath(destination.path, symlink(target, destination.os));
}
