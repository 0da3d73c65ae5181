import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from './errors.js';
import type { PathDialect } from './paths.js';
import {
  type EntryPath,
  formatSandbox,
  type PermissionEntry,
  type PermissionProfile,
  projectRootPaths,
  type SandboxContext,
} from './sandbox.js';
import { parseSandbox } from './sandbox-parse.js';
import { parseSandboxPolicy } from './sandbox-policy.js';

const ROOT_READ = { path: { type: 'special', value: { kind: 'root' } }, access: 'read' };
const PROJECT_WRITE = { path: { type: 'special', value: { kind: 'project_roots' } }, access: 'write' };

function wire(entries: unknown[], more: Record<string, unknown> = {}): Record<string, unknown> {
  const permissions = { type: 'managed', file_system: { type: 'restricted', entries }, network: 'restricted' };
  return { permissions, windowsSandboxLevel: 'disabled', ...more };
}

function permissionsOf(permissions: unknown): PermissionProfile | undefined {
  return parseSandbox({ permissions, windowsSandboxLevel: 'disabled' })?.permissions;
}

function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof WireError && error.kind === 'invalid_params') return error.message;
    throw error;
  }
  throw new Error('expected an error');
}

describe('reading a context', () => {
  test('none is none', () => {
    expect(parseSandbox(null)).toBeUndefined();
    expect(parseSandbox(undefined)).toBeUndefined();
  });

  test('paths of either dialect become native ones', () => {
    const read = parseSandbox(
      wire(
        [
          { path: { type: 'path', path: 'file:///a%20b/%FF' }, access: 'read' },
          { path: { type: 'path', path: '/c/../d' }, access: 'deny' },
        ],
        { cwd: 'file:///w', workspaceRoots: ['file:///w', '/x'], policyContext: {}, useLegacyLandlock: true },
      ),
    );
    expect(read).toEqual({
      permissions: {
        type: 'managed',
        fileSystem: {
          type: 'restricted',
          entries: [
            { path: { type: 'path', path: '/a b/\udcff' }, access: 'read' },
            { path: { type: 'path', path: '/d' }, access: 'none' },
          ],
        },
        network: 'restricted',
      },
      cwd: '/w',
      workspaceRoots: ['/w', '/x'],
    });
  });

  test.each<[string, unknown, PermissionProfile]>([
    ['disabled', { type: 'disabled' }, { type: 'disabled' }],
    ['external', { type: 'external', network: 'enabled' }, { type: 'external', network: 'enabled' }],
    [
      'unrestricted',
      { type: 'managed', file_system: { type: 'unrestricted' }, network: 'restricted' },
      { type: 'managed', fileSystem: { type: 'unrestricted' }, network: 'restricted' },
    ],
    [
      'camelCase, depth and missing paths',
      {
        type: 'managed',
        fileSystem: {
          type: 'restricted',
          entries: [{ ...ROOT_READ, missing_path_behavior: 'skip' }],
          glob_scan_max_depth: 3,
        },
        network: 'enabled',
      },
      {
        type: 'managed',
        fileSystem: {
          type: 'restricted',
          entries: [{ ...(ROOT_READ as PermissionEntry), missingPathBehavior: 'skip' }],
          globScanMaxDepth: 3,
        },
        network: 'enabled',
      },
    ],
    [
      'untyped with entries',
      { network: { enabled: true }, file_system: { entries: [ROOT_READ] } },
      {
        type: 'managed',
        fileSystem: { type: 'restricted', entries: [ROOT_READ as PermissionEntry] },
        network: 'enabled',
      },
    ],
    [
      'untyped with lists',
      { network: null, file_system: { read: ['/r'], write: ['/w'] } },
      {
        type: 'managed',
        fileSystem: {
          type: 'restricted',
          entries: [
            { path: { type: 'path', path: '/r' }, access: 'read' },
            { path: { type: 'path', path: '/w' }, access: 'write' },
          ],
        },
        network: 'restricted',
      },
    ],
    [
      'untyped and empty: nothing is granted',
      {},
      { type: 'managed', fileSystem: { type: 'restricted', entries: [] }, network: 'restricted' },
    ],
  ])('%s', (_, permissions, expected) => {
    expect(permissionsOf(permissions)).toEqual(expected);
  });

  test.each<[string, unknown, string]>([
    ['a string', 'readOnly', '`sandbox`: expected object, got "readOnly"'],
    ['no permissions', { windowsSandboxLevel: 'disabled' }, 'missing field `sandbox.permissions`'],
    ['no level', { permissions: { type: 'disabled' } }, 'missing field `sandbox.windowsSandboxLevel`'],
    [
      'an unknown level',
      { permissions: { type: 'disabled' }, windowsSandboxLevel: 'x' },
      '`sandbox.windowsSandboxLevel`: expected one of "disabled"|"restricted-token"|"elevated"|"mxc", got "x"',
    ],
    [
      'an unknown profile',
      { permissions: { type: 'readOnly' }, windowsSandboxLevel: 'disabled' },
      '`sandbox.permissions.type`: expected one of "managed"|"disabled"|"external", got "readOnly"',
    ],
    [
      'a managed profile without files',
      { permissions: { type: 'managed', network: 'enabled' }, windowsSandboxLevel: 'disabled' },
      'missing field `sandbox.permissions.file_system`',
    ],
    ['an array for a profile', { permissions: [], windowsSandboxLevel: 'disabled' }, '`sandbox.permissions`: expected'],
    ['a relative cwd', wire([], { cwd: 'rel' }), '`sandbox.cwd`: path `rel` is relative'],
    [
      'a relative path',
      wire([{ path: { type: 'path', path: 'rel' }, access: 'read' }]),
      '`sandbox.permissions.file_system.entries.0.path.path`: path `rel` is relative',
    ],
    [
      'an unknown access',
      wire([{ ...ROOT_READ, access: 'execute' }]),
      '`sandbox.permissions.file_system.entries.0.access`: expected one of "read"|"write"|"none"|"deny", got "execute"',
    ],
    [
      'an unknown kind of entry',
      wire([{ path: { type: 'regex' }, access: 'read' }]),
      '`sandbox.permissions.file_system.entries.0.path.type`: expected one of "path"|"glob_pattern"|"special", got "regex"',
    ],
    ['project_roots without cwd', wire([PROJECT_WRITE]), 'dynamic permissions requires cwd'],
    [
      'a relative pattern without cwd',
      wire([{ path: { type: 'glob_pattern', pattern: '*.env' }, access: 'none' }], { workspaceRoots: [] }),
      'dynamic permissions requires cwd',
    ],
  ])('refuses %s', (_, context, message) => {
    expect(failureOf(() => parseSandbox(context))).toContain(message);
  });

  test('a special that is not known is kept by its name, and cannot pass for one that is', () => {
    const kinds = [
      { kind: 'moon' },
      { kind: 'unknown', path: ':moon', subpath: 's' },
      { kind: 'unknown', path: 'root' },
      { kind: 'unknown' },
    ].map((value) => ({ path: { type: 'special', value }, access: 'write' }));
    const read = parseSandbox(wire(kinds));
    const files = read?.permissions.type === 'managed' ? read.permissions.fileSystem : undefined;
    expect(files?.type === 'restricted' ? files.entries.map(({ path }) => path) : undefined).toEqual([
      { type: 'special', value: { kind: 'moon' } },
      { type: 'special', value: { kind: ':moon', subpath: 's' } },
      { type: 'special', value: { kind: 'unknown' } },
      { type: 'special', value: { kind: 'unknown' } },
    ]);
  });
});

describe('what project_roots means', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['cwd for a peer that writes plain paths', { cwd: '/w' }, ['/w']],
    ['nothing for a peer that writes URIs', { cwd: 'file:///w' }, []],
    ['the roots where there are some', { cwd: '/w', workspaceRoots: ['/x'] }, ['/x']],
    ['nothing where there are said to be none', { cwd: '/w', workspaceRoots: [] }, []],
  ])('%s', (_, more, roots) => {
    expect(parseSandbox(wire([PROJECT_WRITE], more))?.workspaceRoots).toEqual(roots);
  });

  test.each<[PathDialect, PathDialect]>([
    ['plain', 'uri'],
    ['uri', 'plain'],
  ])('stays the same through a server that asks in %s and one that asks in %s', (first, second) => {
    for (const roots of [[], ['/w'], ['/x', '/y']]) {
      const context = contextOf([{ path: special('project_roots', 'sub'), access: 'write' }], '/w', roots);
      const passedOn = passOn(passOn(context, first), second);
      expect(meaning(passedOn)).toEqual(meaning(context));
    }
  });

  test('a server that takes cwd for it gets the other roots by their paths', () => {
    const context = contextOf([{ path: special('project_roots', 'sub'), access: 'write' }], '/w', ['/x', '/y']);
    expect(formatSandbox(context, 'plain')).toMatchObject({
      permissions: {
        file_system: {
          entries: [
            { path: { type: 'path', path: '/x/sub' }, access: 'write' },
            { path: { type: 'path', path: '/y/sub' }, access: 'write' },
          ],
        },
      },
    });
  });
});

describe('writing a context', () => {
  test('gives real servers what they require', () => {
    const context = contextOf(
      [
        { path: special('root'), access: 'none' },
        { path: special('moon'), access: 'read' },
      ],
      '/a b',
      ['/a b'],
    );
    expect(formatSandbox(context, 'uri')).toEqual({
      permissions: {
        type: 'managed',
        file_system: {
          type: 'restricted',
          entries: [
            { path: { type: 'special', value: { kind: 'root' } }, access: 'none' },
            { path: { type: 'special', value: { kind: 'unknown', path: 'moon' } }, access: 'read' },
          ],
        },
        network: 'restricted',
      },
      cwd: 'file:///a%20b',
      workspaceRoots: ['file:///a%20b'],
      windowsSandboxLevel: 'disabled',
    });
  });

  test('refuses a path that a plain-path server would take for another', () => {
    const context = contextOf([{ path: { type: 'path', path: '/\udcff' }, access: 'none' }], '/w', []);
    expect(failureOf(() => formatSandbox(context, 'plain'))).toContain('file:///%FF is not UTF-8');
  });

  const name = fc.oneof(fc.constantFrom('a', '.git', 'ü', 'a b', '%41', '\udcff', '#?'), fc.string({ minLength: 1 }));
  const path = fc
    .array(
      name.filter((n) => n.isWellFormed() || n === '\udcff').filter((n) => !/[/\0]/.test(n) && n !== '.' && n !== '..'),
      { maxLength: 3 },
    )
    .map((names) => `/${names.join('/')}`);
  const kind = fc.constantFrom('root', 'minimal', 'current_working_directory', 'project_roots', 'tmpdir', 'moon');
  const entryPath: fc.Arbitrary<EntryPath> = fc.oneof(
    path.map((one): EntryPath => ({ type: 'path', path: one })),
    fc.constantFrom('*.env', '/x/**', '[').map((pattern): EntryPath => ({ type: 'glob_pattern', pattern })),
    fc.tuple(kind, fc.constantFrom(undefined, 'sub')).map(([one, subpath]) => special(one, subpath)),
  );
  const entry: fc.Arbitrary<PermissionEntry> = fc
    .tuple(entryPath, fc.constantFrom('read' as const, 'write' as const, 'none' as const), fc.boolean())
    .map(([one, access, skip]) => ({ path: one, access, ...(skip ? { missingPathBehavior: 'skip' as const } : {}) }));
  const context = fc
    .tuple(fc.array(entry, { maxLength: 5 }), path, fc.array(path, { maxLength: 2 }))
    .map(([entries, cwd, roots]) => contextOf(entries, cwd, roots));

  test('as URIs it reads back as it was', () => {
    fc.assert(
      fc.property(context, (one) => {
        expect(passOn(one, 'uri')).toEqual(one);
      }),
    );
  });

  test('as plain paths it reads back with the same meaning', () => {
    fc.assert(
      fc.property(context, (one) => {
        fc.pre(JSON.stringify(one).isWellFormed() && !JSON.stringify(one).includes('\\udc'));
        expect(meaning(passOn(one, 'plain'))).toEqual(meaning(one));
        expect(passOn(passOn(one, 'plain'), 'uri')).toEqual(passOn(one, 'plain'));
      }),
    );
  });
});

describe('the older policies', () => {
  test.each<[unknown, string]>([
    ['read-only', '`sandboxPolicy`: expected object, got "read-only"'],
    [{}, 'missing field `sandboxPolicy.type`'],
    [
      { type: 'all' },
      '`sandboxPolicy.type`: expected one of read-only|workspace-write|danger-full-access|external-sandbox, got "all"',
    ],
    [{ type: 'workspace-write', writableRoots: ['rel'] }, '`sandboxPolicy.writableRoots.0`: path `rel` is relative'],
  ])('%j is refused', (policy, message) => {
    expect(failureOf(() => parseSandboxPolicy(policy))).toContain(message);
  });

  test.each<[unknown, string]>([
    [{ type: 'workspace-write', network_access: true }, 'enabled'],
    [{ type: 'workspaceWrite', networkAccess: false }, 'restricted'],
    [{ type: 'external-sandbox', networkAccess: 'enabled' }, 'enabled'],
    [{ type: 'read_only' }, 'restricted'],
  ])('%j leaves the network %s', (policy, network) => {
    expect(parseSandboxPolicy(policy, '/w')?.permissions).toMatchObject({ network });
  });

  test('a workspace is cwd and the writable roots, with the temporary directories', () => {
    const context = parseSandboxPolicy({ type: 'workspaceWrite', writableRoots: ['file:///r'] }, '/w');
    expect(context).toMatchObject({ cwd: '/w', workspaceRoots: ['/w'] });
    expect(context?.permissions).toMatchObject({
      fileSystem: {
        entries: [
          { path: special('root'), access: 'read' },
          { path: special('project_roots'), access: 'write' },
          { path: { type: 'path', path: '/r' }, access: 'write' },
          { path: special('slash_tmp'), access: 'write' },
          { path: special('tmpdir'), access: 'write' },
        ],
      },
    });
  });
});

function special(kind: string, subpath?: string): EntryPath {
  return { type: 'special', value: { kind, ...(subpath === undefined ? {} : { subpath }) } };
}

function contextOf(entries: PermissionEntry[], cwd: string, workspaceRoots: string[]): SandboxContext {
  const fileSystem = { type: 'restricted' as const, entries };
  return { permissions: { type: 'managed', fileSystem, network: 'restricted' }, cwd, workspaceRoots };
}

/** Through the wire to a server of that dialect. */
function passOn(context: SandboxContext, dialect: PathDialect): SandboxContext {
  const read = parseSandbox(JSON.parse(JSON.stringify(formatSandbox(context, dialect))));
  if (!read) throw new Error('expected a context');
  return read;
}

/** The context with every root spelled out. */
function meaning(context: SandboxContext): unknown {
  const { permissions } = context;
  if (permissions.type !== 'managed' || permissions.fileSystem.type !== 'restricted') return context;
  const entries = permissions.fileSystem.entries.flatMap((entry) => {
    if (entry.path.type !== 'special' || entry.path.value.kind !== 'project_roots') return [entry];
    return projectRootPaths(context, entry.path.value.subpath).map((path) => ({
      ...entry,
      path: { type: 'path' as const, path },
    }));
  });
  return { ...context, permissions: { ...permissions, fileSystem: { ...permissions.fileSystem, entries } } };
}
