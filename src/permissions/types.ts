import type { EntryAccess, NetworkAccess } from '../protocol/sandbox.js';
import type { NativePath } from '../protocol/paths.js';

/** A profile with every entry resolved to real paths of this machine: answers one question. */
export interface AccessPolicy {
  /** Restricts no file at all. */
  readonly unrestricted: boolean;
  readonly network: NetworkAccess;
  /** What was ignored, for a log. */
  readonly warnings: readonly string[];
  /** What may be done at a real path (no link, no `.` or `..` in it), whether or not something is there. */
  accessAt(path: NativePath): EntryAccess;
  /** Whether some path below `path` may allow less than `access`: then a tree must not be taken as a whole. */
  mayRestrictBelow(path: NativePath, access: EntryAccess): boolean;
}
