import type { NativePath } from '../../protocol/paths.js';
import { childPath, osPath } from './os-path.js';

/** What an operation is about to do. */
export type Wanted = 'read' | 'write';

/**
 * A place in the file system that has been looked up and, where there is a policy, judged: name it to node:fs by `os`, in the
 * errors by `path`. It stays that very place until it is released, whatever is renamed or swapped meanwhile.
 */
export interface Place {
  readonly os: string | Buffer;
  readonly path: NativePath;
  /** Flags that opening it needs besides. */
  readonly openFlags: number;
  release(): Promise<void>;
}

/** How operations get at files. Every method throws what node:fs throws, or a WireError. */
export interface Access {
  /** What the path leads to, links followed. ENOENT if there is nothing. */
  existing(path: NativePath, wanted: Wanted): Promise<Place>;
  /** What the path leads to, links followed, also those that lead nowhere yet: to be opened with O_CREAT. */
  creatable(path: NativePath): Promise<Place>;
  /** The name itself, in a directory that exists; the name need not. A link there is not followed. */
  name(path: NativePath, wanted: Wanted): Promise<Place>;
  /** A name in a directory that has been looked up, not followed. */
  child(directory: Place, name: string, wanted: Wanted): Promise<Place>;
  /** Refuses if something in the tree, the place itself included, may not be written. */
  requireWholeTree(place: Place): Promise<void>;
}

const nothingToRelease = async () => undefined;

function plainPlace(path: NativePath): Place {
  return { os: osPath(path), path, openFlags: 0, release: nothingToRelease };
}

/** By path, with the rights of this process. */
export const plainAccess: Access = {
  existing: async (path) => plainPlace(path),
  creatable: async (path) => plainPlace(path),
  name: async (path) => plainPlace(path),
  child: async (directory, name) => plainPlace(childPath(directory.path, name)),
  requireWholeTree: async () => undefined,
};
