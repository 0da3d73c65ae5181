import type { NativePath } from './paths.js';

/** What an entry of a profile grants. On the wire `deny` is another word for `none`. */
export type EntryAccess = 'read' | 'write' | 'none';

/** What an entry of a profile is about. */
export type EntryPath =
  | { type: 'path'; path: NativePath }
  | { type: 'glob_pattern'; pattern: string }
  /** `root`, `minimal`, `project_roots`, `tmpdir`, `slash_tmp`; others are ignored with a warning. */
  | { type: 'special'; value: { kind: string; subpath?: string | undefined } };

export interface PermissionEntry {
  path: EntryPath;
  access: EntryAccess;
}

export type NetworkAccess = 'restricted' | 'enabled';

/** What may be done to files and the network. */
export type PermissionProfile =
  | {
      type: 'managed';
      fileSystem: { type: 'unrestricted' } | { type: 'restricted'; entries: readonly PermissionEntry[] };
      network: NetworkAccess;
    }
  /** No sandbox at all. */
  | { type: 'disabled' }
  /** The caller is in a sandbox of its own already. */
  | { type: 'external'; network: NetworkAccess };

/** A profile and what its relative parts refer to, in native paths: how the capabilities are handed it. */
export interface SandboxContext {
  permissions: PermissionProfile;
  cwd?: NativePath | undefined;
  /** What `project_roots` means; without it, `cwd` for peers up to 0.129 and nothing for newer ones. */
  workspaceRoots?: readonly NativePath[] | undefined;
}
