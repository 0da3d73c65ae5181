import type { NativePath } from '../protocol/paths.js';
import type { EntryAccess, NetworkAccess } from '../protocol/sandbox.js';
import { type AccessTable, allowsLess, lesser } from './access-table.js';
import type { LimitingGlob } from './limiting-globs.js';
import { depthOf, isAtOrBelow, parentOf } from './path-order.js';
import type { AccessPolicy } from './types.js';

export function unrestrictedPolicy(network: NetworkAccess, warnings: readonly string[] = []): AccessPolicy {
  return {
    unrestricted: true,
    network,
    warnings,
    rules: [],
    denyGlobs: [],
    accessAt: () => 'write',
    mayReplace: () => true,
    mayRestrictBelow: () => false,
  };
}

interface Parts {
  network: NetworkAccess;
  warnings: readonly string[];
  table: AccessTable;
  globs: readonly LimitingGlob[];
}

export function restrictedPolicy({ network, warnings, table, globs }: Parts): AccessPolicy {
  const accessAt = (path: NativePath): EntryAccess => {
    let access = table.accessAt(path);
    for (const glob of globs) {
      if (allowsLess(glob.access, access) && glob.covers(path)) access = lesser(access, glob.access);
    }
    return access;
  };
  return {
    unrestricted: false,
    network,
    warnings,
    rules: table.rules(),
    denyGlobs: globs,
    accessAt,
    mayReplace: (path) => accessAt(path) === 'write' && accessAt(parentOf(path)) === 'write',
    mayRestrictBelow: (path, access) =>
      allowsLess(accessAt(path), access) ||
      allowsLess(table.leastBelow(path), access) ||
      globs.some((glob) => allowsLess(glob.access, access) && mayMatchBelow(glob, path)),
  };
}

/** By the glob's base and depth alone: a pattern that could match nothing there may still count. */
function mayMatchBelow({ base, maxDepth }: LimitingGlob, path: NativePath): boolean {
  if (isAtOrBelow(base, path)) return true;
  return isAtOrBelow(path, base) && (maxDepth === undefined || depthOf(path) - depthOf(base) < maxDepth);
}
