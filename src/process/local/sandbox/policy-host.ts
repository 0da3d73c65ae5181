import { readlink } from 'node:fs/promises';
import type { PolicyHost } from '../../../permissions/types.js';
import { errnoOf } from '../../../protocol/os-error.js';
import { type NativePath, pathBytes, pathFromBytes } from '../../../protocol/paths.js';

/** This machine, as the resolving of policies asks about it. */
export function policyHost(tmpdir: string | undefined): PolicyHost {
  return { readLink, tmpdir };
}

async function readLink(path: NativePath): Promise<NativePath | undefined> {
  try {
    return pathFromBytes(await readlink(pathBytes(path), { encoding: 'buffer' }));
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'EINVAL' || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
