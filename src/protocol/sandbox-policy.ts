import { z } from 'zod';
import { invalidParams } from './errors.js';
import type { NativePath } from './paths.js';
import type { EntryAccess, NetworkAccess, PermissionEntry, SandboxContext } from './sandbox.js';
import { pathShape } from './sandbox-shape.js';
import { readShape } from './shape-error.js';

const networkShape = z.union([z.boolean(), z.enum(['restricted', 'enabled'])]).nullish();

const policyShape = z.object({
  type: z.string(),
  writableRoots: z.array(pathShape).nullish(),
  networkAccess: networkShape,
  excludeTmpdirEnvVar: z.boolean().nullish(),
  excludeSlashTmp: z.boolean().nullish(),
});
type Policy = z.output<typeof policyShape>;

/**
 * Reads the older `sandboxPolicy`: `read-only`, `workspace-write`, `danger-full-access`, `external-sandbox`, with names in
 * kebab-case, snake_case or camelCase. The workspace is `cwd`. Undefined where there is none. Throws a WireError.
 */
export function parseSandboxPolicy(policy: unknown, cwd?: NativePath): SandboxContext | undefined {
  if (policy === undefined || policy === null) return undefined;
  const read = readShape(policyShape, withCamelCaseKeys(policy), 'sandboxPolicy');
  return { permissions: profileOf(read), ...(cwd === undefined ? {} : { cwd, workspaceRoots: [cwd] }) };
}

function profileOf(policy: Policy): SandboxContext['permissions'] {
  const network = networkOf(policy.networkAccess);
  switch (camelCase(policy.type)) {
    case 'readOnly':
      return { type: 'managed', fileSystem: { type: 'restricted', entries: [special('root', 'read')] }, network };
    case 'workspaceWrite':
      return { type: 'managed', fileSystem: { type: 'restricted', entries: workspaceEntries(policy) }, network };
    case 'dangerFullAccess':
      return { type: 'disabled' };
    case 'externalSandbox':
      return { type: 'external', network };
    default:
      throw invalidParams(
        `\`sandboxPolicy.type\`: expected one of read-only|workspace-write|danger-full-access|external-sandbox, got ${JSON.stringify(policy.type)}`,
      );
  }
}

function workspaceEntries(policy: Policy): PermissionEntry[] {
  const roots = (policy.writableRoots ?? []).map(
    (path): PermissionEntry => ({ path: { type: 'path', path }, access: 'write' }),
  );
  return [
    special('root', 'read'),
    special('project_roots', 'write'),
    ...roots,
    ...(policy.excludeSlashTmp ? [] : [special('slash_tmp', 'write')]),
    ...(policy.excludeTmpdirEnvVar ? [] : [special('tmpdir', 'write')]),
  ];
}

function special(kind: string, access: EntryAccess): PermissionEntry {
  return { path: { type: 'special', value: { kind } }, access };
}

function networkOf(access: Policy['networkAccess']): NetworkAccess {
  return access === true || access === 'enabled' ? 'enabled' : 'restricted';
}

function camelCase(name: string): string {
  return name.replace(/[-_]([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function withCamelCaseKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [camelCase(key), field]));
}
