import type { BigIntStats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import type { AccessPolicy } from '../../permissions/types.js';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import { errnoOf } from './os-error.js';
import { childPath, osPath, parentPath } from './os-path.js';

/**
 * What an operation is about to do. `replace`: to take away what stands at a name, or to put a link there, by which the root of
 * a grant could be made to mean something else.
 */
export type Wanted = 'read' | 'write' | 'replace';

/**
 * A place in the file system that has been looked up and, where there is a policy, judged: name it to node:fs by `os`, in
 * errors by `path`. Held by an anchored access, it stays that very place until released, whatever is swapped meanwhile.
 */
export interface Place {
  readonly os: string | Buffer;
  readonly path: NativePath;
  /** What is opened at `os` is what `stat` has looked at, for certain. */
  readonly held: boolean;
  /** Flags that opening it needs besides. */
  readonly openFlags: number;
  /** Of a `name` or `child` of the link itself, else of what was found. Throws what node:fs throws. */
  stat(): Promise<BigIntStats>;
  /** To be called with what was opened at `os`, before it is used. Throws if it is not what was judged. */
  confirm(opened: BigIntStats): Promise<void>;
  /** Idempotent. Nothing may use `os` after it. */
  release(): void;
}

/** How operations get at files. Every method throws what node:fs throws, or a WireError. */
export interface Access {
  /** What the path leads to, links followed. ENOENT if there is nothing. */
  existing(path: NativePath, wanted: Wanted): Promise<Place>;
  /** What the path leads to, links followed, also those that lead nowhere yet: to be opened with O_CREAT. */
  creatable(path: NativePath): Promise<Place>;
  /** The name of what `creatable` means, in its directory: to be replaced by a rename. */
  replaceable(path: NativePath): Promise<Place>;
  /** The name itself, in a directory that exists; the name need not. A link there is not followed. */
  name(path: NativePath, wanted: Wanted): Promise<Place>;
  /** A name in a directory that `existing` or `hold` gave. A link there is not followed. Ends with the directory. */
  child(directory: Place, name: string, wanted: Wanted): Promise<Place>;
  /** Another name in the directory of a name. Ends with it. */
  sibling(place: Place, name: string): Promise<Place>;
  /** What is at a name, not followed, to be read or listed. */
  hold(place: Place, wanted: Wanted): Promise<Place>;
  /** Refuses unless everything in the tree below may be read or written. */
  requireTree(place: Place, wanted: Wanted): Promise<void>;
}

/** Whether a policy, or none at all, lets this be done at a real path. */
export function allows(policy: AccessPolicy | undefined, real: NativePath, wanted: Wanted): boolean {
  if (!policy) return true;
  const access = policy.accessAt(real);
  if (wanted === 'read') return access !== 'none';
  return access === 'write' && (wanted === 'write' || policy.mayReplace(real));
}

function plainPlace(path: NativePath, look: typeof stat | typeof lstat): Place {
  const os = osPath(path);
  return {
    os,
    path,
    held: false,
    openFlags: 0,
    stat: () => look(os, { bigint: true }),
    confirm: async () => undefined,
    release: () => undefined,
  };
}

/** By path, with the rights of this process. */
export const plainAccess: Access = {
  existing: async (path) => plainPlace(path, stat),
  creatable: async (path) => plainPlace(path, stat),
  replaceable: async (path) => plainPlace(await finalPath(path), lstat),
  name: async (path) => plainPlace(path, lstat),
  child: async (directory, name) => plainPlace(childPath(directory.path, name), lstat),
  sibling: async (place, name) => plainPlace(childPath(parentPath(place.path), name), lstat),
  hold: async (place) => place,
  requireTree: async () => undefined,
};

/** Without links where it leads somewhere; as it is where it does not. */
async function finalPath(path: NativePath): Promise<NativePath> {
  try {
    return pathFromBytes(await realpath(osPath(path), { encoding: 'buffer' }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return path;
    throw error;
  }
}
