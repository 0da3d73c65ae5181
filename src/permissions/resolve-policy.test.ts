import { describe, expect, test } from 'vitest';
import type { EntryAccess, EntryPath, PermissionEntry, SandboxContext } from '../protocol/sandbox.js';
import { parseSandboxPolicy } from '../protocol/sandbox-policy.js';
import { resolvePolicy } from './resolve-policy.js';
import type { PolicyHost } from './types.js';

type Links = Record<string, string>;

const host = (links: Links = {}, more: Partial<PolicyHost> = {}): PolicyHost => ({
  readLink: async (path) => links[path],
  ...more,
});

const path = (path: string, access: EntryAccess): PermissionEntry => ({ path: { type: 'path', path }, access });
const glob = (pattern: string, access: EntryAccess): PermissionEntry => ({
  path: { type: 'glob_pattern', pattern },
  access,
});
const special = (kind: string, access: EntryAccess, subpath?: string): PermissionEntry => ({
  path: { type: 'special', value: { kind, ...(subpath === undefined ? {} : { subpath }) } } satisfies EntryPath,
  access,
});

const WORKSPACE: PermissionEntry[] = [special('root', 'read'), special('project_roots', 'write')];

function profile(entries: PermissionEntry[], more: Partial<SandboxContext> = {}): SandboxContext {
  return {
    permissions: { type: 'managed', fileSystem: { type: 'restricted', entries }, network: 'restricted' },
    cwd: '/ws',
    workspaceRoots: ['/ws'],
    ...more,
  };
}

interface Case {
  entries: PermissionEntry[];
  expected: Record<string, EntryAccess>;
  more?: Partial<SandboxContext>;
  links?: Links;
  host?: Partial<PolicyHost>;
}

async function holds({ entries, expected, more, links, host: hostParts }: Case): Promise<void> {
  const policy = await resolvePolicy(profile(entries, more), host(links, hostParts));
  const answers = Object.keys(expected).map((at) => [at, policy.accessAt(at)]);
  expect(Object.fromEntries(answers)).toEqual(expected);
}

describe('what an entry is about', () => {
  test.each<[string, Case]>([
    ['no entry: nothing', { entries: [], expected: { '/': 'none', '/ws/f': 'none' } }],
    ['root: everything', { entries: [special('root', 'read')], expected: { '/': 'read', '/etc/passwd': 'read' } }],
    [
      'a path: it and all below, not what begins alike',
      { entries: [path('/a', 'read')], expected: { '/a': 'read', '/a/b/c': 'read', '/ab': 'none', '/': 'none' } },
    ],
    [
      'project_roots: every workspace root, whatever cwd is',
      {
        entries: [special('project_roots', 'write')],
        more: { cwd: '/c', workspaceRoots: ['/x', '/y'] },
        expected: { '/x/f': 'write', '/y': 'write', '/c': 'none' },
      },
    ],
    [
      'project_roots without workspace roots: nothing',
      { entries: [special('project_roots', 'write')], more: { workspaceRoots: [] }, expected: { '/ws/f': 'none' } },
    ],
    [
      'a subpath: below each root',
      {
        entries: [special('project_roots', 'write', 'sub')],
        expected: { '/ws/sub/f': 'write', '/ws/f': 'none', '/ws': 'none' },
      },
    ],
    [
      'current_working_directory: cwd',
      { entries: [special('current_working_directory', 'read')], more: { cwd: '/c' }, expected: { '/c/f': 'read' } },
    ],
    [
      'tmpdir: $TMPDIR of the server',
      { entries: [special('tmpdir', 'write')], host: { tmpdir: '/t/' }, expected: { '/t/f': 'write', '/tmp': 'none' } },
    ],
    ['slash_tmp: /tmp', { entries: [special('slash_tmp', 'write')], expected: { '/tmp/f': 'write', '/t': 'none' } }],
    [
      'minimal: what programs need, and nothing of the server',
      {
        entries: [special('minimal', 'read')],
        links: { '/bin': 'usr/bin', '/lib64': 'usr/lib64' },
        expected: {
          '/usr/bin/ls': 'read',
          '/etc/ld.so.cache': 'read',
          '/dev/null': 'read',
          '/dev/sda': 'none',
          '/proc/self/environ': 'none',
          '/home/me': 'none',
          '/opt/x': 'none',
        },
      },
    ],
  ])('%s', (_, it) => holds(it));
});

describe('which entry wins', () => {
  test.each<[string, Case]>([
    [
      'the longest path',
      {
        entries: [path('/a/b', 'none'), path('/a', 'write'), path('/a/b/c', 'read')],
        expected: { '/a/x': 'write', '/a/b/x': 'none', '/a/b/c/x': 'read' },
      },
    ],
    [
      'write over read at one path',
      { entries: [path('/a', 'write'), path('/a', 'read')], expected: { '/a': 'write' } },
    ],
    [
      'none over all at one path, in any order',
      { entries: [path('/a', 'write'), path('/a', 'none'), path('/a', 'read')], expected: { '/a/f': 'none' } },
    ],
    [
      'none for a special over a path that is the same',
      { entries: [path('/ws', 'write'), special('project_roots', 'none')], expected: { '/ws/f': 'none' } },
    ],
    [
      'a pattern over the root that its matches lie in, and over a path of their own',
      {
        entries: [...WORKSPACE, glob('/ws/**/*.env', 'none'), path('/ws/b.env', 'write')],
        expected: { '/ws/a.env': 'none', '/ws/x/y/.env': 'none', '/ws/b.env': 'none', '/ws/a.txt': 'write' },
      },
    ],
    [
      'a pattern also below the directories that it matches',
      {
        entries: [...WORKSPACE, glob('/ws/secret*', 'none')],
        expected: { '/ws/secrets/deep/f': 'none', '/ws/secre': 'write' },
      },
    ],
    [
      'a pattern for reading takes writing away and grants nothing',
      {
        entries: [path('/ws', 'write'), glob('/**/*.lock', 'read')],
        expected: { '/ws/a.lock': 'read', '/ws/a': 'write', '/b.lock': 'none' },
      },
    ],
    [
      'a pattern for writing grants nothing',
      { entries: [special('root', 'read'), glob('/ws/**', 'write')], expected: { '/ws/f': 'read' } },
    ],
    [
      'a relative pattern begins at cwd',
      { entries: [...WORKSPACE, glob('*.env', 'none')], expected: { '/ws/.env': 'none', '/ws/sub/.env': 'write' } },
    ],
  ])('%s', (_, it) => holds(it));
});

describe('malformed patterns', () => {
  test.each([
    '/ws/a/[z',
    '/ws/a/{b',
    '/ws/a/b}',
    '/ws/a/[z-a]',
    '/ws/a/[[:alpha:]]',
    '/ws/a/x\\',
    '/ws/a/*/../b',
    '/ws/a/{b,*/../c}',
    `/ws/a/${'{a,b}'.repeat(11)}`,
    `/ws/a/*${'x'.repeat(5000)}`,
  ])('%.40s denies all of the directory that it begins with', async (pattern) => {
    await holds({
      entries: [...WORKSPACE, path('/ws/a/b/c', 'read'), glob(pattern, 'none')],
      expected: { '/ws/a': 'none', '/ws/a/q': 'none', '/ws/a/b/c/d': 'none', '/ws/b': 'write' },
    });
  });

  test('a relative one without cwd denies everything', async () => {
    await holds({
      entries: [...WORKSPACE, glob('*.env', 'none')],
      more: { cwd: undefined },
      expected: { '/x': 'none' },
    });
  });

  test('one that would grant grants nothing', async () => {
    await holds({ entries: [glob('/ws/[', 'read'), glob('/ws/[', 'write')], expected: { '/ws/[': 'none' } });
  });
});

describe('names protected under writable roots', () => {
  test.each<[string, Case]>([
    [
      'are read-only there and deeper in them, but not deeper in the root',
      {
        entries: WORKSPACE,
        expected: {
          '/ws/.git': 'read',
          '/ws/.git/hooks/x': 'read',
          '/ws/.codex': 'read',
          '/ws/.agents/x': 'read',
          '/ws/sub/.git/config': 'write',
          '/ws/.github': 'write',
        },
      },
    ],
    [
      'are protected under every kind of writable root',
      {
        entries: [path('/p', 'write'), special('slash_tmp', 'write')],
        expected: { '/p/.git': 'read', '/tmp/.git/x': 'read' },
      },
    ],
    [
      'are writable by an entry of their own',
      { entries: [...WORKSPACE, path('/ws/.git', 'write')], expected: { '/ws/.git/x': 'write', '/ws/.codex': 'read' } },
    ],
    [
      'are writable where an entry below says so',
      {
        entries: [...WORKSPACE, path('/ws/.git/hooks', 'write')],
        expected: { '/ws/.git/hooks/x': 'write', '/ws/.git/x': 'read' },
      },
    ],
    [
      'stay denied where an entry denies them',
      { entries: [...WORKSPACE, path('/ws/.git', 'none')], expected: { '/ws/.git/x': 'none' } },
    ],
    [
      'are protected where they lead, too',
      {
        entries: WORKSPACE,
        links: { '/ws/.git': 'meta/git' },
        expected: { '/ws/.git': 'read', '/ws/meta/git/x': 'read' },
      },
    ],
    [
      'are not made readable by a root that may not be written in the end',
      {
        entries: [path('/p', 'write'), path('/p', 'none')],
        expected: { '/p/.git': 'none' },
      },
    ],
  ])('%s', (_, it) => holds(it));
});

describe('links in the paths of entries', () => {
  test.each<[string, Case]>([
    [
      'are followed, where the policy does not let them be changed',
      {
        entries: [special('root', 'read'), path('/home/link', 'write')],
        links: { '/home': '/data/home', '/data/home/link': '../real' },
        expected: { '/data/real/f': 'write', '/data/real/.git': 'read', '/home/link/f': 'read' },
      },
    ],
    [
      'are followed as far as names exist',
      {
        entries: [path('/home/new/x', 'write')],
        links: { '/home': 'data' },
        expected: { '/data/new/x/y': 'write', '/data/new': 'none' },
      },
    ],
    [
      'grant nothing where they lead from a place that may be written',
      {
        entries: [...WORKSPACE, path('/ws/out', 'write'), path('/ws/in', 'read')],
        links: { '/ws/out': '/etc', '/ws/in': '/secret' },
        expected: { '/etc/passwd': 'read', '/ws/out/f': 'write' },
      },
    ],
    [
      'grant nothing where only the second link may be changed',
      {
        entries: [path('/ws', 'write'), path('/safe/x', 'read')],
        links: { '/safe/x': '/ws/y', '/ws/y': '/secret' },
        expected: { '/secret/f': 'none', '/ws/y': 'read' },
      },
    ],
    [
      'grant nothing where the place may be written only through another entry that is a link',
      {
        entries: [path('/l', 'write'), path('/ws/x', 'read')],
        links: { '/l': '/ws', '/ws/x': '/secret' },
        expected: { '/secret': 'none', '/ws/f': 'write' },
      },
    ],
    [
      'that may be changed still take away where they lead',
      {
        entries: [path('/ws', 'write'), path('/ws/ro', 'read'), path('/ws/no', 'none')],
        links: { '/ws/ro': 'data', '/ws/no': 'hidden' },
        expected: {
          '/ws/ro': 'read',
          '/ws/data/f': 'read',
          '/ws/no': 'none',
          '/ws/hidden/f': 'none',
          '/ws/f': 'write',
        },
      },
    ],
    [
      'hide both the link and where it leads from a none entry',
      {
        entries: [special('root', 'read'), path('/l', 'none')],
        links: { '/l': '/real' },
        expected: { '/l': 'none', '/real/f': 'none', '/r': 'read' },
      },
    ],
    [
      'are followed in the directory that a pattern begins with',
      {
        entries: [special('root', 'read'), glob('/l/*.env', 'none')],
        links: { '/l': '/real' },
        expected: { '/real/.env': 'none', '/l/.env': 'none', '/real/x': 'read' },
      },
    ],
    [
      'grant nothing where they go round in a circle',
      {
        entries: [path('/a/x', 'write')],
        links: { '/a': '/b', '/b': '/a' },
        expected: { '/a': 'none', '/b': 'none', '/x': 'none' },
      },
    ],
  ])('%s', (_, it) => holds(it));

  test('that are not followed are told of', async () => {
    const policy = await resolvePolicy(profile([...WORKSPACE, path('/ws/out', 'write')]), host({ '/ws/out': '/etc' }));
    expect(policy.warnings).toEqual([
      'entry /ws/out: the link /ws/out to /etc is not followed, for the policy lets it be changed',
    ]);
  });
});

describe('unrestricted', () => {
  test.each<[string, SandboxContext['permissions'], boolean]>([
    ['disabled', { type: 'disabled' }, true],
    ['external', { type: 'external', network: 'restricted' }, true],
    ['managed, unrestricted', { type: 'managed', fileSystem: { type: 'unrestricted' }, network: 'enabled' }, true],
    ['root write', profile([special('root', 'write')]).permissions, true],
    ['root write with more writing', profile([special('root', 'write'), path('/a', 'write')]).permissions, true],
    ['root write with a denial', profile([special('root', 'write'), path('/a', 'none')]).permissions, false],
    ['root write with a pattern', profile([special('root', 'write'), glob('/a/*', 'none')]).permissions, false],
    ['root read', profile([special('root', 'read')]).permissions, false],
  ])('%s', async (_, permissions, unrestricted) => {
    const policy = await resolvePolicy({ permissions }, host());
    expect(policy.unrestricted).toBe(unrestricted);
    if (unrestricted) {
      expect(policy.accessAt('/.git/x')).toBe('write');
      expect(policy.mayRestrictBelow('/', 'write')).toBe(false);
    }
  });

  test('does not free the network, except where there is no sandbox at all', async () => {
    const network = async (permissions: SandboxContext['permissions']) =>
      (await resolvePolicy({ permissions }, host())).network;
    expect(await network({ type: 'external', network: 'restricted' })).toBe('restricted');
    expect(await network(profile([special('root', 'write')]).permissions)).toBe('restricted');
    expect(await network({ type: 'disabled' })).toBe('enabled');
  });
});

describe('what is ignored is told of', () => {
  test.each<[string, PermissionEntry, Partial<SandboxContext>, RegExp]>([
    ['an unknown special', special('moon', 'write'), {}, /special path "moon": ignored/],
    ['tmpdir without $TMPDIR', special('tmpdir', 'write'), {}, /tmpdir: ignored/],
    [
      'project_roots without roots',
      special('project_roots', 'write'),
      { workspaceRoots: [] },
      /project_roots: ignored/,
    ],
    ['a pattern that grants', glob('/ws/*', 'write'), {}, /\/ws\/\*: grants nothing/],
    ['a malformed pattern', glob('/ws/[', 'none'), {}, /\/ws\/\[: malformed, taken for all of \/ws/],
  ])('%s', async (_, entry, more, warning) => {
    const policy = await resolvePolicy(profile([path('/q', 'read'), entry], more), host());
    expect(policy.warnings).toEqual([expect.stringMatching(warning)]);
    expect(policy.accessAt('/q/f')).toBe('read');
  });

  test('a subpath that leads out is an error', async () => {
    const entries = [special('project_roots', 'write', 'a/../..')];
    await expect(resolvePolicy(profile(entries), host())).rejects.toMatchObject({ kind: 'invalid_params' });
  });
});

describe('rules and patterns for a builder of mounts', () => {
  test('rules go from the general to the specific, protected names among them', async () => {
    const policy = await resolvePolicy(profile([path('/ws/a/b', 'none'), ...WORKSPACE]), host());
    expect(policy.rules).toEqual([
      { path: '/', access: 'read' },
      { path: '/ws', access: 'write' },
      { path: '/ws/.agents', access: 'read' },
      { path: '/ws/.codex', access: 'read' },
      { path: '/ws/.git', access: 'read' },
      { path: '/ws/a/b', access: 'none' },
    ]);
  });

  test('a name of the root directory is never empty', async () => {
    const policy = await resolvePolicy(profile([...WORKSPACE, glob('/*', 'none')]), host());
    expect([policy.accessAt('/'), policy.accessAt('/x')]).toEqual(['read', 'none']);
  });

  test('a pattern says where its matches can be', async () => {
    const policy = await resolvePolicy(profile([...WORKSPACE, glob('/ws/{a/*.env,**/k?y}', 'none')]), host());
    const seen = policy.denyGlobs.map(({ pattern, base, maxDepth, access }) => ({ pattern, base, maxDepth, access }));
    expect(seen).toEqual([
      { pattern: '/ws/{a/*.env,**/k?y}', base: '/ws', maxDepth: undefined, access: 'none' },
      { pattern: '/ws/{a/*.env,**/k?y}', base: '/ws/a', maxDepth: 1, access: 'none' },
    ]);
    expect(policy.denyGlobs.map((one) => one.matches('/ws/q/key'))).toEqual([true, false]);
    expect(policy.denyGlobs.map((one) => one.matches('/ws/q/key/below'))).toEqual([false, false]);
  });
});

test('the root of a grant may be written and not replaced, what is in it both', async () => {
  const policy = await resolvePolicy(profile([...WORKSPACE, path('/etc/one', 'write')]), host());
  const replaceable = ['/ws', '/etc/one', '/ws/.git', '/ws/f', '/etc/two'].filter((at) => policy.mayReplace(at));
  expect(replaceable).toEqual(['/ws/f']);
});

describe('whether a tree may be taken as a whole', () => {
  test.each<[string, PermissionEntry[], string, EntryAccess, boolean]>([
    ['a root with protected names, to write', WORKSPACE, '/ws', 'write', true],
    ['a root with protected names, to read', WORKSPACE, '/ws', 'read', false],
    ['a directory in it', WORKSPACE, '/ws/sub', 'write', false],
    ['a directory above a denial', [...WORKSPACE, path('/a/b/c', 'none')], '/a', 'read', true],
    ['a denial itself', [...WORKSPACE, path('/a', 'none')], '/a', 'read', true],
    ['next to a denial', [...WORKSPACE, path('/a/b', 'none')], '/a/c', 'read', false],
    ['above the matches of a pattern', [...WORKSPACE, glob('/ws/x/*.env', 'none')], '/ws', 'read', true],
    ['as deep as the matches of a pattern', [...WORKSPACE, glob('/ws/x/*.env', 'none')], '/ws/x/dir', 'read', false],
  ])('%s', async (_, entries, at, access, expected) => {
    const policy = await resolvePolicy(profile(entries), host());
    expect(policy.mayRestrictBelow(at, access)).toBe(expected);
  });
});

describe('the older policies', () => {
  test.each<[string, unknown, Record<string, EntryAccess>]>([
    ['read-only', { type: 'read-only' }, { '/ws/f': 'read', '/etc/x': 'read', '/tmp/f': 'read' }],
    [
      'workspace-write',
      { type: 'workspace-write', writableRoots: ['/w1'] },
      { '/ws/f': 'write', '/ws/.git': 'read', '/w1/f': 'write', '/tmp/f': 'write', '/t/f': 'write', '/etc/x': 'read' },
    ],
    [
      'workspaceWrite without temporary directories',
      { type: 'workspaceWrite', excludeTmpdirEnvVar: true, excludeSlashTmp: true },
      { '/ws/f': 'write', '/tmp/f': 'read', '/t/f': 'read' },
    ],
    ['dangerFullAccess', { type: 'dangerFullAccess' }, { '/etc/x': 'write' }],
    ['external-sandbox', { type: 'external-sandbox' }, { '/etc/x': 'write' }],
  ])('%s', async (_, policy, expected) => {
    const context = parseSandboxPolicy(policy, '/ws');
    if (!context) throw new Error('expected a context');
    const resolved = await resolvePolicy(context, host({}, { tmpdir: '/t' }));
    const answers = Object.keys(expected).map((at) => [at, resolved.accessAt(at)]);
    expect(Object.fromEntries(answers)).toEqual(expected);
  });
});
