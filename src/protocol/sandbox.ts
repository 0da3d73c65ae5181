import { invalidParams } from './errors.js';
import { cleanPath, formatPath, type NativePath, type PathDialect } from './paths.js';

/** What an entry of a profile grants; writing includes reading. On the wire `deny` is another word for `none`. */
export type EntryAccess = 'read' | 'write' | 'none';

/** The specials that real servers know. `current_working_directory` is `cwd`; the others are in docs/permissions.md. */
export const SPECIAL_KINDS = [
  'root',
  'minimal',
  'current_working_directory',
  'project_roots',
  'tmpdir',
  'slash_tmp',
] as const;
export type SpecialKind = (typeof SPECIAL_KINDS)[number];

/** What an entry of a profile is about. */
export type EntryPath =
  | { type: 'path'; path: NativePath }
  /** Absolute, or relative to `cwd`. */
  | { type: 'glob_pattern'; pattern: string }
  /** A kind that is not in SPECIAL_KINDS is ignored, with a warning. `subpath` is relative, without `..`. */
  | { type: 'special'; value: { kind: string; subpath?: string | undefined } };

export interface PermissionEntry {
  path: EntryPath;
  access: EntryAccess;
  /** For a real server behind this one; here an entry holds whether or not something is there. */
  missingPathBehavior?: 'skip' | undefined;
}

export type NetworkAccess = 'restricted' | 'enabled';

export interface RestrictedFileSystem {
  type: 'restricted';
  entries: readonly PermissionEntry[];
  /** For a real server behind this one, which searches that deep for what a pattern matches; here any depth counts. */
  globScanMaxDepth?: number | undefined;
}

/** What may be done to files and the network. */
export type PermissionProfile =
  | { type: 'managed'; fileSystem: { type: 'unrestricted' } | RestrictedFileSystem; network: NetworkAccess }
  /** No sandbox at all. */
  | { type: 'disabled' }
  /** The caller is in a sandbox of its own already. */
  | { type: 'external'; network: NetworkAccess };

/** A profile and what its relative parts refer to, in native paths: how the capabilities are handed it. */
export interface SandboxContext {
  permissions: PermissionProfile;
  cwd?: NativePath | undefined;
  /**
   * What `project_roots` means: these and nothing else. The peers up to 0.129 mean `cwd` by it; `parseSandbox` writes that
   * down here when it reads a context without `workspaceRoots` whose `cwd` is a plain path, and from then on the meaning does
   * not depend on a dialect. `formatSandbox` spells the roots out where a reader of plain paths would take `cwd` for them.
   */
  workspaceRoots?: readonly NativePath[] | undefined;
}

export function isSpecialKind(kind: string): kind is SpecialKind {
  return (SPECIAL_KINDS as readonly string[]).includes(kind);
}

/** The entries of a profile; undefined where it restricts no file. */
export function entriesOf(profile: PermissionProfile): readonly PermissionEntry[] | undefined {
  return profile.type === 'managed' && profile.fileSystem.type === 'restricted'
    ? profile.fileSystem.entries
    : undefined;
}

/** What `project_roots` with that subpath names. Throws a WireError if the subpath leads out of the roots. */
export function projectRootPaths(context: SandboxContext, subpath?: string): NativePath[] {
  return (context.workspaceRoots ?? []).map((root) => subpathIn(root, subpath));
}

/** Throws a WireError if the subpath leads out. */
export function subpathIn(root: NativePath, subpath = ''): NativePath {
  if (subpath.startsWith('/') || subpath.split('/').includes('..') || subpath.includes('\0')) {
    throw invalidParams(
      `\`subpath\` of a special path: expected a relative path without \`..\`, got ${JSON.stringify(subpath)}`,
    );
  }
  return cleanPath(`${root}/${subpath}`);
}

/** Writes a context for a server of that dialect. Throws a WireError for a path that the dialect cannot hold. */
export function formatSandbox(context: SandboxContext, dialect: PathDialect): Record<string, unknown> {
  const written = (path: NativePath) => formatExactly(path, dialect);
  return {
    permissions: formatProfile(dialect === 'plain' ? withRootsSpelledOut(context) : context.permissions, written),
    ...(context.cwd === undefined ? {} : { cwd: written(context.cwd) }),
    // Servers up to 0.129 ignore it.
    workspaceRoots: (context.workspaceRoots ?? []).map(written),
    windowsSandboxLevel: 'disabled',
  };
}

/** A name that is not UTF-8 would become another name in a plain path, and the policy another policy. */
function formatExactly(path: NativePath, dialect: PathDialect): string {
  if (dialect === 'uri' || path.isWellFormed()) return formatPath(path, dialect);
  throw invalidParams(
    `the sandbox path ${formatPath(path, 'uri')} is not UTF-8, and the server takes plain paths only: rename it or leave it out`,
  );
}

/** The profile for a server that takes `cwd` for `project_roots`. */
function withRootsSpelledOut(context: SandboxContext): PermissionProfile {
  const { permissions, cwd, workspaceRoots: roots = [] } = context;
  const cwdIsRoot = roots.length === 1 && roots[0] === cwd;
  if (cwdIsRoot || permissions.type !== 'managed' || permissions.fileSystem.type !== 'restricted') return permissions;
  const spelledOut = (entry: PermissionEntry): PermissionEntry[] => {
    if (entry.path.type !== 'special' || entry.path.value.kind !== 'project_roots') return [entry];
    const paths = projectRootPaths(context, entry.path.value.subpath);
    return paths.map((path) => ({ ...entry, path: { type: 'path', path } }));
  };
  const entries = permissions.fileSystem.entries.flatMap(spelledOut);
  return { ...permissions, fileSystem: { ...permissions.fileSystem, entries } };
}

type Written = (path: NativePath) => string;

function formatProfile(profile: PermissionProfile, written: Written): unknown {
  if (profile.type !== 'managed') return profile;
  const { fileSystem: files, network } = profile;
  return {
    type: 'managed',
    file_system: files.type === 'unrestricted' ? files : formatEntries(files, written),
    network,
  };
}

function formatEntries(files: RestrictedFileSystem, written: Written): unknown {
  return {
    type: 'restricted',
    entries: files.entries.map((entry) => formatEntry(entry, written)),
    ...(files.globScanMaxDepth === undefined ? {} : { glob_scan_max_depth: files.globScanMaxDepth }),
  };
}

function formatEntry({ path, access, missingPathBehavior }: PermissionEntry, written: Written): unknown {
  return {
    path: formatEntryPath(path, written),
    access,
    ...(missingPathBehavior === undefined ? {} : { missing_path_behavior: missingPathBehavior }),
  };
}

function formatEntryPath(path: EntryPath, written: Written): unknown {
  switch (path.type) {
    case 'path':
      return { type: 'path', path: written(path.path) };
    case 'glob_pattern':
      return path;
    case 'special': {
      const { kind, subpath } = path.value;
      // Real servers refuse the whole context for a kind that they do not know.
      const named = isSpecialKind(kind) ? { kind } : { kind: 'unknown', path: kind };
      return { type: 'special', value: { ...named, ...(subpath === undefined ? {} : { subpath }) } };
    }
  }
}
