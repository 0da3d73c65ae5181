import { realpath } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import type { Access } from './access.js';

/** The path of what the path leads to, without links. ENOENT if it leads nowhere. */
export async function canonicalize(access: Access, path: NativePath): Promise<NativePath> {
  const place = await access.existing(path, 'read');
  try {
    return pathFromBytes(await realpath(place.os, { encoding: 'buffer' }));
  } finally {
    place.release();
  }
}
