import { invalidParams } from './errors.js';
import { dialectOf, type NativePath } from './paths.js';
import {
  type EntryAccess,
  entriesOf,
  isSpecialKind,
  type PermissionEntry,
  type PermissionProfile,
  type RestrictedFileSystem,
  type SandboxContext,
} from './sandbox.js';
import {
  contextShape,
  type EntriesShape,
  type EntryShape,
  type ProfileShape,
  profileShape,
  type UntypedProfileShape,
  untypedProfileShape,
} from './sandbox-shape.js';
import { readShape } from './shape-error.js';

/** What a server that is asked for `project_roots` or a relative pattern without `cwd` answers; the peers' words. */
const NEEDS_CWD = 'file system sandbox context with dynamic permissions requires cwd';

/**
 * Reads the `sandbox` field of a request, in either dialect, also of the untyped profiles of 0.129. Undefined where there is
 * none. Throws a WireError (invalid params) that says where what was expected and what came.
 */
export function parseSandbox(wire: unknown): SandboxContext | undefined {
  if (wire === undefined || wire === null) return undefined;
  const shape = readShape(contextShape, wire, 'sandbox');
  const context: SandboxContext = {
    permissions: parseProfile(shape.permissions),
    ...(shape.cwd == null ? {} : { cwd: shape.cwd }),
    workspaceRoots: shape.workspaceRoots ?? rootsOfDialect(wire, shape.cwd ?? undefined),
  };
  requireCwd(context, shape.workspaceRoots != null);
  return context;
}

function rootsOfDialect(wire: unknown, cwd: NativePath | undefined): NativePath[] {
  if (cwd === undefined) return [];
  const written = (wire as { cwd: string }).cwd;
  return dialectOf(written) === 'plain' ? [cwd] : [];
}

function parseProfile(permissions: unknown): PermissionProfile {
  const at = 'sandbox.permissions';
  // Real servers take a profile without `type`, but not an array for an object.
  const untyped = !Array.isArray(permissions) && (permissions as { type?: unknown }).type === undefined;
  return untyped
    ? untypedProfile(readShape(untypedProfileShape, permissions, at))
    : typedProfile(readShape(profileShape, permissions, at));
}

function typedProfile(shape: ProfileShape): PermissionProfile {
  if (shape.type !== 'managed') return shape;
  const { file_system: files, network } = shape;
  return { type: 'managed', fileSystem: files.type === 'unrestricted' ? files : restrictedTo(files), network };
}

function untypedProfile(shape: UntypedProfileShape): PermissionProfile {
  const files = shape.file_system ?? { entries: [] };
  return {
    type: 'managed',
    fileSystem: 'entries' in files ? restrictedTo(files) : { type: 'restricted', entries: readsAndWrites(files) },
    network: shape.network?.enabled ? 'enabled' : 'restricted',
  };
}

function readsAndWrites(lists: { read?: NativePath[] | null | undefined; write?: NativePath[] | null | undefined }) {
  const granting = (access: EntryAccess) => (path: NativePath) => ({ path: { type: 'path' as const, path }, access });
  return [...(lists.read ?? []).map(granting('read')), ...(lists.write ?? []).map(granting('write'))];
}

function restrictedTo(shape: EntriesShape): RestrictedFileSystem {
  const depth = shape.glob_scan_max_depth;
  return {
    type: 'restricted',
    entries: shape.entries.map(parseEntry),
    ...(depth == null ? {} : { globScanMaxDepth: depth }),
  };
}

function parseEntry(shape: EntryShape): PermissionEntry {
  return {
    path: shape.path.type === 'special' ? { type: 'special', value: parseSpecial(shape.path.value) } : shape.path,
    access: shape.access,
    ...(shape.missing_path_behavior == null ? {} : { missingPathBehavior: shape.missing_path_behavior }),
  };
}

/** Peers hand on a special that they do not know as `{kind: "unknown", path: its name}`. */
function parseSpecial(value: { kind: string; path?: string | null | undefined; subpath?: string | null | undefined }) {
  const named = value.kind === 'unknown' && value.path != null && !isSpecialKind(value.path);
  return {
    kind: named ? (value.path ?? value.kind) : value.kind,
    ...(value.subpath == null ? {} : { subpath: value.subpath }),
  };
}

function requireCwd(context: SandboxContext, hasRoots: boolean): void {
  if (context.cwd !== undefined) return;
  const dynamic = entriesOf(context.permissions)?.some(
    ({ path }) =>
      (path.type === 'glob_pattern' && !path.pattern.startsWith('/')) ||
      (path.type === 'special' && path.value.kind === 'current_working_directory') ||
      (path.type === 'special' && path.value.kind === 'project_roots' && !hasRoots),
  );
  if (dynamic) throw invalidParams(`${NEEDS_CWD}: add \`sandbox.cwd\``);
}
