import type { NativePath } from '../protocol/paths.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import { parseSandbox } from '../protocol/sandbox-parse.js';
import { parseSandboxPolicy } from '../protocol/sandbox-policy.js';

/** Permissions that go by a name, as in Codex. */
export const PERMISSION_MODES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export type PermissionMode = (typeof PERMISSION_MODES)[number];

export interface PermissionOptions {
  /** The workspace. */
  cwd: NativePath;
  /** For a mode: whether commands may use the network. Default false. */
  network?: boolean | undefined;
}

/**
 * What a mode, or a permission profile as docs/permissions.md has it, means for a workspace. A profile may also be a whole context, with
 * `permissions`, `cwd` and `workspaceRoots`. Throws a WireError for a profile that is none.
 */
export function permissionsOf(
  given: PermissionMode | Record<string, unknown>,
  { cwd, network = false }: PermissionOptions,
): SandboxContext {
  const context =
    typeof given === 'string'
      ? parseSandboxPolicy({ type: given, networkAccess: network }, cwd)
      : parseSandbox({
          cwd,
          workspaceRoots: [cwd],
          windowsSandboxLevel: 'disabled',
          ...('permissions' in given ? given : { permissions: given }),
        });
  if (!context) throw new Error('expected permissions, got none');
  return context;
}
