import { readdir } from 'node:fs/promises';
import { posix } from 'node:path';
import type { AccessPolicy, AccessRule, DenyGlob } from '../../../permissions/types.js';
import { type NativePath, pathBytes, pathFromBytes } from '../../../protocol/paths.js';
import { sandboxUnavailable } from './errors.js';
import { MAX_GLOB_VISITS } from './limits.js';

/**
 * What deny patterns match at this moment, and what is left there, so that mounts can see to it. What comes to match later
 * they cannot cover. Links are not followed: what they lead to has a path of its own. Throws a WireError of kind
 * sandbox_unavailable when there is too much to look at.
 */
export async function deniedMatches(policy: AccessPolicy): Promise<AccessRule[]> {
  const found = new Set<NativePath>();
  const budget = { visits: MAX_GLOB_VISITS };
  for (const glob of policy.denyGlobs) await search(glob, found, budget);
  return [...found].map((path) => ({ path, access: policy.accessAt(path) }));
}

async function search(glob: DenyGlob, found: Set<NativePath>, budget: { visits: number }): Promise<void> {
  if (glob.matches(glob.base)) found.add(glob.base);
  const open = [{ directory: glob.base, depth: 1 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { directory, depth } = next;
    if (found.has(directory) || depth > (glob.maxDepth ?? Number.POSITIVE_INFINITY)) continue;
    for (const entry of await entriesOf(directory)) {
      if (--budget.visits < 0) throw tooMuch(glob);
      const path = posix.join(directory, pathFromBytes(entry.name));
      if (glob.matches(path)) found.add(path);
      if (entry.isDirectory() && !isOwnWorld(path)) open.push({ directory: path, depth: depth + 1 });
    }
  }
}

/** The sandbox has others in their place. */
function isOwnWorld(path: NativePath): boolean {
  return path === '/proc' || path === '/dev';
}

async function entriesOf(directory: NativePath) {
  try {
    return await readdir(pathBytes(directory), { withFileTypes: true, encoding: 'buffer' });
  } catch {
    return []; // it is not there, or the program can see as little of it as we can
  }
}

function tooMuch({ pattern, base }: DenyGlob) {
  return sandboxUnavailable(
    `the deny pattern \`${pattern}\` has to be searched for below \`${base}\`, where there are more than ${MAX_GLOB_VISITS} names: deny a narrower one, or directories by path`,
  );
}
