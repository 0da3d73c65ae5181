import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AccessPolicy, AccessRule } from '../../../permissions/types.js';
import type { EntryAccess } from '../../../protocol/sandbox.js';
import { type Machine, planMounts, type Standing } from './mount-plan.js';

type Rules = Record<string, EntryAccess>;

function policyOf(rules: Rules): AccessPolicy {
  const accessAt = (path: string): EntryAccess =>
    rules[path] ?? (path === '/' ? 'none' : accessAt(posix.dirname(path)));
  const sorted = Object.entries(rules).map(([path, access]): AccessRule => ({ path, access }));
  return {
    unrestricted: false,
    network: 'restricted',
    warnings: [],
    rules: sorted.sort((a, b) => a.path.split('/').length - b.path.split('/').length),
    denyGlobs: [],
    accessAt,
    mayRestrictBelow: () => true,
    mayReplace: () => true,
  };
}

/** A machine where only this exists. A placeholder is a directory. */
function machineOf(things: Record<string, Standing | 'placeholder'>): Machine {
  return {
    standing: (path) => {
      const thing = path === '/' ? 'directory' : (things[path] ?? 'missing');
      return thing === 'placeholder' ? 'directory' : thing;
    },
    isPlaceholder: (path) => things[path] === 'placeholder',
    rootLinks: () => [
      { path: '/bin', target: 'usr/bin', real: '/usr/bin' },
      { path: '/lost', target: 'elsewhere', real: '/elsewhere' },
    ],
  };
}

const plan = (rules: Rules, things: Parameters<typeof machineOf>[0], more: AccessRule[] = []) =>
  planMounts(policyOf(rules), more, machineOf(things));

describe('the view of a sandbox', () => {
  test('begins with the root and shows what differs, the general before the specific', () => {
    const things = { '/ws': 'directory', '/ws/.git': 'directory', '/ws/f': 'file' } as const;
    expect(plan({ '/': 'read', '/ws': 'write', '/ws/.git': 'read', '/ws/f': 'none', '/usr': 'read' }, things)).toEqual({
      root: 'read',
      placeholders: [],
      mounts: [
        { type: 'show', path: '/ws', access: 'write' },
        { type: 'show', path: '/ws/.git', access: 'read' },
        { type: 'hide-file', path: '/ws/f' },
      ],
    });
  });

  test('without reading the root shows only grants, and the links in the root that lead to them', () => {
    const { root, mounts } = plan(
      { '/usr': 'read', '/secret': 'none' },
      { '/usr': 'directory', '/secret': 'directory' },
    );
    expect(root).toBe('nothing');
    expect(mounts).toEqual([
      { type: 'link', path: '/bin', target: 'usr/bin' },
      { type: 'show', path: '/usr', access: 'read' },
    ]);
  });

  test('a hidden directory can be passed through only to what is granted in it', () => {
    const things = { '/a': 'directory', '/a/b': 'directory', '/c': 'directory' } as const;
    expect(plan({ '/': 'read', '/a': 'none', '/a/b': 'write', '/c': 'none' }, things).mounts).toEqual([
      { type: 'hide-directory', path: '/a', passable: true },
      { type: 'hide-directory', path: '/c', passable: false },
      { type: 'show', path: '/a/b', access: 'write' },
    ]);
  });

  test('what is missing and not to be created gets a placeholder, at the first name that is missing', () => {
    const things = { '/ws': 'directory', '/ws/a': 'directory' } as const;
    const { mounts, placeholders } = plan(
      { '/': 'read', '/ws': 'write', '/ws/.git': 'read', '/ws/a/b/c': 'none' },
      things,
    );
    expect(placeholders).toEqual(['/ws/.git', '/ws/a/b']);
    expect(mounts).toContainEqual({ type: 'show', path: '/ws/a/b', access: 'read' });
  });

  test('a placeholder of another process is held again', () => {
    const rules: Rules = { '/': 'read', '/ws': 'write', '/ws/.git': 'read', '/ws/a/b': 'none' };
    const things = { '/ws': 'directory', '/ws/.git': 'placeholder', '/ws/a': 'placeholder' } as const;
    expect(plan(rules, things).placeholders).toEqual(['/ws/.git', '/ws/a']);
  });

  test('what is missing where nothing can be created needs none', () => {
    expect(plan({ '/': 'read', '/a/b': 'none', '/ws': 'write' }, {})).toEqual({
      root: 'read',
      placeholders: [],
      mounts: [],
    });
  });

  test('directories above a limit are pinned, so that they cannot be renamed', () => {
    const things = { '/ws': 'directory', '/ws/a': 'directory', '/ws/a/b': 'directory', '/ws/a/b/f': 'file' } as const;
    expect(plan({ '/': 'read', '/ws': 'write', '/ws/a/b/f': 'read' }, things).mounts).toEqual([
      { type: 'show', path: '/ws', access: 'write' },
      { type: 'show', path: '/ws/a', access: 'write' },
      { type: 'show', path: '/ws/a/b', access: 'write' },
      { type: 'show', path: '/ws/a/b/f', access: 'read' },
    ]);
  });

  test('a limit at a link that the program could replace refuses the start; elsewhere a link changes nothing', () => {
    const refused = { kind: 'sandbox_unavailable' };
    const limit = (access: EntryAccess) => () =>
      plan({ '/': 'read', '/ws': 'write', '/ws/l': access }, { '/ws': 'directory', '/ws/l': 'link' });
    expect(limit('none')).toThrow(expect.objectContaining(refused));
    expect(limit('read')).toThrow(expect.objectContaining(refused));
    expect(plan({ '/': 'read', '/l': 'none', '/m': 'write' }, { '/l': 'link', '/m': 'link' }).mounts).toEqual([]);
  });

  test('what holds besides the rules takes away from grants', () => {
    const things = { '/ws': 'directory', '/ws/a': 'directory', '/ws/.env': 'file' } as const;
    const more: AccessRule[] = [
      { path: '/ws/.env', access: 'none' },
      { path: '/ws/a', access: 'none' },
    ];
    expect(plan({ '/': 'read', '/ws': 'write' }, things, more).mounts).toEqual([
      { type: 'show', path: '/ws', access: 'write' },
      { type: 'hide-file', path: '/ws/.env' },
      { type: 'hide-directory', path: '/ws/a', passable: false },
    ]);
  });

  test("the machine's /proc and /dev are never shown", () => {
    const things = { '/proc': 'directory', '/proc/1': 'directory', '/dev': 'directory' } as const;
    expect(plan({ '/': 'read', '/proc': 'write', '/proc/1': 'write', '/dev': 'write' }, things).mounts).toEqual([]);
  });
});
