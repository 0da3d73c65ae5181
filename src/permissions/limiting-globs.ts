import type { NativePath } from '../protocol/paths.js';
import type { PermissionEntry } from '../protocol/sandbox.js';
import type { NamingContext } from './entry-paths.js';
import { compileGlobs, type Glob, globMatchers } from './glob.js';
import { followLinks, type ReadLink } from './links.js';
import type { DenyGlob } from './types.js';

export interface LimitingGlob extends DenyGlob {
  /** Whether the pattern matches the path or a directory that it is in. */
  covers(path: NativePath): boolean;
}

type Surroundings = NamingContext & { readLink: ReadLink; changeable: readonly NativePath[] };

/**
 * The patterns of a profile that take something away. None grants: what a pattern would match tomorrow cannot be granted to
 * a process, whose view is made of mounts, and real servers do not grant by patterns either (seen of 0.129 and 0.169).
 */
export async function limitingGlobs(
  entries: readonly PermissionEntry[],
  surroundings: Surroundings,
): Promise<LimitingGlob[]> {
  const found: LimitingGlob[] = [];
  for (const { path, access } of entries) {
    if (path.type !== 'glob_pattern') continue;
    if (access !== 'none') surroundings.warn(`pattern ${path.pattern}: grants nothing; only paths do`);
    if (access !== 'write') found.push(...(await globsOf(path.pattern, access, surroundings)));
  }
  return found;
}

async function globsOf(pattern: string, access: 'none' | 'read', around: Surroundings): Promise<LimitingGlob[]> {
  const { cwd } = around.context;
  if (cwd === undefined && !pattern.startsWith('/')) {
    around.warn(`pattern ${pattern}: taken for every path, for it is relative and the request has no cwd`);
    return [limitingGlob(pattern, access, { base: '/', rest: undefined, maxDepth: undefined })];
  }
  const { globs, malformed } = compileGlobs(pattern, cwd ?? '/');
  if (malformed) around.warn(`pattern ${pattern}: malformed, taken for all of ${globs[0]?.base}`);
  const atEachBase = await Promise.all(globs.map((glob) => withEachBase(glob, around)));
  return atEachBase.flat().map((glob) => limitingGlob(pattern, access, glob));
}

/** A limit holds at the base as it is written, and where that leads. */
async function withEachBase(glob: Glob, { readLink, changeable }: Surroundings): Promise<Glob[]> {
  const real = await followLinks(glob.base, readLink);
  const kept = await followLinks(glob.base, readLink, changeable);
  return [...new Set([glob.base, real.path, kept.path])].map((base) => ({ ...glob, base }));
}

function limitingGlob(pattern: string, access: 'none' | 'read', glob: Glob): LimitingGlob {
  return { pattern, access, base: glob.base, maxDepth: glob.maxDepth, ...globMatchers(glob) };
}
