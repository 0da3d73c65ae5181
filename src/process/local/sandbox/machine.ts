import { lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf } from '../../../protocol/os-error.js';
import { type NativePath, pathBytes } from '../../../protocol/paths.js';
import { sandboxUnavailable } from './errors.js';
import type { Machine, Standing } from './mount-plan.js';

/** This machine, as the planning of mounts looks at it. */
export function thisMachine(isPlaceholder: (path: NativePath) => boolean): Machine {
  return { standing, isPlaceholder, rootLinks };
}

function standing(path: NativePath): Standing {
  try {
    const stat = lstatSync(pathBytes(path));
    if (leadsThroughLink(path)) return 'link';
    return stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'file';
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'missing';
    // Whether it must be protected cannot be known, so nothing is assumed.
    throw sandboxUnavailable(`\`${path}\` is in the policy and cannot be looked at: ${code}`);
  }
}

function leadsThroughLink(path: NativePath): boolean {
  const parent = pathBytes(posix.dirname(path));
  return !realpathSync(parent, { encoding: 'buffer' }).equals(parent);
}

function rootLinks() {
  return readdirSync('/').flatMap((name) => {
    const path = posix.join('/', name);
    try {
      if (!lstatSync(path).isSymbolicLink()) return [];
      return [{ path, target: readlinkSync(path), real: realpathSync(path) }];
    } catch {
      return []; // it leads nowhere
    }
  });
}
