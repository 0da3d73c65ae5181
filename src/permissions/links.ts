import type { NativePath } from '../protocol/paths.js';
import { childOf, isAtOrBelow, parentOf } from './path-order.js';
import type { PolicyHost } from './types.js';

/** The most links on the way to one path, as the kernel has it. */
const MAX_LINKS = 40;

/** Where a path led. */
export interface Followed {
  path: NativePath;
  /** The link that was not followed; `path` is then that link and what came after it. */
  stoppedAt?: NativePath;
}

export type ReadLink = PolicyHost['readLink'];

/** Asks about each path once: one view of the links for a whole profile. */
export function remembering(readLink: ReadLink): ReadLink {
  const known = new Map<NativePath, Promise<NativePath | undefined>>();
  return (path) => {
    const asked = known.get(path) ?? readLink(path);
    known.set(path, asked);
    return asked;
  };
}

/**
 * Follows the links of a path, name by name, except those at or below one of `changeable`: whoever may write there could
 * have put them there. What does not exist stays as it is.
 */
export async function followLinks(
  path: NativePath,
  readLink: ReadLink,
  changeable: readonly NativePath[] = [],
): Promise<Followed> {
  const names = namesOf(path).reverse();
  let at: NativePath = '/';
  let links = 0;
  for (let name = names.pop(); name !== undefined; name = names.pop()) {
    if (name === '..') {
      at = parentOf(at);
      continue;
    }
    const here = childOf(at, name);
    const target = await readLink(here);
    if (target === undefined) at = here;
    else if (++links > MAX_LINKS || changeable.some((place) => isAtOrBelow(here, place))) {
      const rest = [...names].reverse();
      return { path: rest.includes('..') ? path : rest.reduce(childOf, here), stoppedAt: here };
    } else {
      if (target.startsWith('/')) at = '/';
      names.push(...namesOf(target).reverse());
    }
  }
  return { path: at };
}

function namesOf(path: NativePath): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
