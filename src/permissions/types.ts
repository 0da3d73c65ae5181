import type { NativePath } from '../protocol/paths.js';
import type { EntryAccess, NetworkAccess } from '../protocol/sandbox.js';

/** What holds at a path and at everything below it that no longer rule covers. */
export interface AccessRule {
  /**
   * Real: no link, no `.` or `..` in it. There need not be anything. A `none` rule stands at the path as the profile has it
   * too; where that leads through a link, the rule for the real place is another one.
   */
  readonly path: NativePath;
  readonly access: EntryAccess;
}

/** A pattern that limits whatever it matches, and all below that. */
export interface DenyGlob {
  /** As the profile has it, for messages. */
  readonly pattern: string;
  /** The most that is left: `none`, or `read` for a pattern that only takes writing away. */
  readonly access: 'none' | 'read';
  /** The directory that all matches are in, without wildcards. For a malformed pattern, a match itself. */
  readonly base: NativePath;
  /** How many names below `base` a match can be; undefined: any number. */
  readonly maxDepth: number | undefined;
  /** Whether the pattern matches this very real path. */
  matches(path: NativePath): boolean;
}

/** A profile with every entry resolved to real paths of this machine: answers one question. */
export interface AccessPolicy {
  /** Restricts no file at all. */
  readonly unrestricted: boolean;
  readonly network: NetworkAccess;
  /** What was ignored, for a log. */
  readonly warnings: readonly string[];
  /**
   * The path rules, one for each path, the general before the specific: applied in order, the last that covers a path wins.
   * The names protected under writable roots are among them. Empty where `unrestricted`. What no rule covers is denied.
   */
  readonly rules: readonly AccessRule[];
  /** They come after all rules, and no rule lifts them. */
  readonly denyGlobs: readonly DenyGlob[];
  /** What may be done at a real path (no link, no `.` or `..` in it), whether or not something is there. */
  accessAt(path: NativePath): EntryAccess;
  /**
   * Whether what stands at a path may be removed, renamed, or replaced by a link: its directory must be writable too. Else the
   * root of a grant could be made a link, and the next request that resolves the profile would follow it.
   */
  mayReplace(path: NativePath): boolean;
  /** Whether some path below `path` may allow less than `access`: then a tree must not be taken as a whole. */
  mayRestrictBelow(path: NativePath, access: EntryAccess): boolean;
}

/** What resolving a profile needs to know about the machine. */
export interface PolicyHost {
  /** The text of the symbolic link at a path whose parents are no links; undefined where there is no link, or nothing. */
  readLink(path: NativePath): Promise<NativePath | undefined>;
  /** $TMPDIR of the server. */
  tmpdir?: string | undefined;
  /** What the special `minimal` means. Default MINIMAL_PATHS. */
  minimalPaths?: readonly NativePath[] | undefined;
}
