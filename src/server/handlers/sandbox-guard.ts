import { invalidRequest } from '../../protocol/errors.js';

interface SandboxFields {
  sandbox?: { permissions?: unknown } | null | undefined;
  sandboxPolicy?: { type: string } | null | undefined;
}

/**
 * Until policies are enforced, a request that asks for a restricting one is refused: it must never run without.
 * Profiles that restrict nothing pass.
 */
export function refuseRestrictingSandbox({ sandbox, sandboxPolicy }: SandboxFields): void {
  const policyFree = sandboxPolicy == null || ['danger-full-access', 'external-sandbox'].includes(sandboxPolicy.type);
  if (policyFree && (sandbox == null || restrictsNothing(sandbox.permissions))) return;
  throw invalidRequest(
    'sandbox_unavailable',
    'this server does not enforce sandboxes yet: send no sandbox, or one whose permissions are `disabled`',
  );
}

function restrictsNothing(permissions: unknown): boolean {
  const profile = asObject(permissions);
  if (profile?.type === 'disabled' || profile?.type === 'external') return true;
  const fileSystem = asObject(profile?.file_system);
  if (profile?.type !== 'managed' || profile.network === 'restricted') return false;
  if (fileSystem?.type === 'unrestricted') return true;
  const entries = Array.isArray(fileSystem?.entries) ? fileSystem.entries.map(asObject) : [];
  const grantsRoot = entries.some((entry) => {
    const path = asObject(entry?.path);
    return path?.type === 'special' && asObject(path.value)?.kind === 'root' && entry?.access === 'write';
  });
  return grantsRoot && entries.every((entry) => entry?.access === 'write' || entry?.access === 'read');
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
