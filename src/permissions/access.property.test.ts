import fc from 'fast-check';
import picomatch from 'picomatch';
import { expect, test } from 'vitest';
import type { EntryAccess, PermissionEntry, SandboxContext } from '../protocol/sandbox.js';
import { resolvePolicy } from './resolve-policy.js';

/** Resolves straight from the definition: every entry is looked at for every path. Knows nothing of tables or fixpoints. */
class Reference {
  readonly #plain: { path: string; access: EntryAccess; protects?: true }[] = [];
  readonly #limits: { matches: (path: string) => boolean; access: EntryAccess }[] = [];

  constructor(entries: readonly PermissionEntry[], links: Record<string, string>) {
    const realOf = (path: string): string => {
      const link = Object.keys(links).find((from) => path === from || path.startsWith(`${from}/`));
      return link === undefined ? path : `${links[link]}${path.slice(link.length)}`;
    };
    for (const { path, access } of entries) {
      if (path.type === 'path') {
        this.#plain.push({ path: realOf(path.path), access });
        if (access === 'none') this.#plain.push({ path: path.path, access });
      } else if (path.type === 'special') {
        const named = { root: '/', project_roots: '/a', tmpdir: '/b/a' }[path.value.kind];
        if (named !== undefined) this.#plain.push({ path: named, access });
      } else if (access !== 'write') {
        // Without the leading slash: with it, picomatch does not let `/**/x` match `/x`.
        const matches = picomatch(path.pattern.slice(1), { dot: true, posix: true });
        this.#limits.push({ matches: (at) => matches(at.slice(1)), access });
      }
    }
    const own = new Set(this.#plain.map(({ path }) => path));
    const roots = [...own].filter((path) => this.#byPaths(path) === 'write');
    for (const root of roots) {
      const protectedPath = `${root === '/' ? '' : root}/.git`;
      if (!own.has(protectedPath)) this.#plain.push({ path: protectedPath, access: 'read', protects: true });
    }
  }

  accessAt(path: string): EntryAccess {
    let access = this.#byPaths(path);
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      for (const limit of this.#limits) {
        if (!limit.matches(at)) continue;
        if (limit.access === 'none') access = 'none';
        else if (access === 'write') access = 'read';
      }
    }
    return access;
  }

  #byPaths(path: string): EntryAccess {
    const covering = this.#plain.filter((rule) => rule.path === '/' || `${path}/`.startsWith(`${rule.path}/`));
    const longest = Math.max(...covering.map((rule) => rule.path.length));
    const winners = covering.filter((rule) => rule.path.length === longest).map(({ access }) => access);
    for (const access of ['none', 'write', 'read'] as const) if (winners.includes(access)) return access;
    return 'none';
  }
}

const NAMES = ['a', 'b', '.git'];

function pathsBelow(directory: string, depth: number): string[] {
  if (depth === 0) return [];
  return NAMES.flatMap((name) => [`${directory}/${name}`, ...pathsBelow(`${directory}/${name}`, depth - 1)]);
}

/** Entries are at most three names deep, what they protect four: the deepest paths are below every rule. */
const PATHS = ['/', ...pathsBelow('', 4), ...pathsBelow('/link', 2)];

/** With what is below them: not the deepest, which have nothing below them here. */
const TREES = PATHS.filter((path) => path.split('/').length <= 4 && !path.startsWith('/link')).map((path) => ({
  path,
  below: PATHS.filter((one) => one !== path && one.startsWith(path === '/' ? '/' : `${path}/`)),
}));

const access = fc.constantFrom<EntryAccess>('read', 'write', 'none');
const plainPath = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((names) => `/${names.join('/')}`);
const plainEntry = fc.record({ path: plainPath.map((path) => ({ type: 'path' as const, path })), access });
/** Through a link that lies where nothing may be written. */
const linkedEntry = fc.record({
  path: fc.constantFrom('/link', '/link/a', '/link/.git/b').map((path) => ({ type: 'path' as const, path })),
  access,
});
const specialEntry = fc.oneof(
  fc.record({ path: fc.constant(special('root')), access: fc.constantFrom<EntryAccess>('read', 'none') }),
  fc.record({ path: fc.constantFrom(special('project_roots'), special('tmpdir'), special('moon')), access }),
);
const globEntry = fc.record({
  path: fc
    .array(fc.constantFrom('a', '*', '?', '**', '.g*', '[ab]', '{a,b}', '[!a]'), { minLength: 1, maxLength: 3 })
    // The peers' engine and picomatch differ on whether `x/**` matches `x`: see the test of globs.
    .filter((names) => names.at(-1) !== '**')
    .map((names) => ({ type: 'glob_pattern' as const, pattern: `/${names.join('/')}` })),
  access,
});

function special(kind: string) {
  return { type: 'special' as const, value: { kind } };
}

const paths = fc.array(fc.oneof(plainEntry, plainEntry, linkedEntry, specialEntry), { maxLength: 6 });
const globs = fc.array(globEntry, { maxLength: 2 });
/** Short, so that what entries name through the link is no deeper than the others. */
const linkTarget = fc.constantFrom('/a', '/b', '/.git');

function profile(entries: readonly PermissionEntry[]): SandboxContext {
  const permissions = {
    type: 'managed' as const,
    fileSystem: { type: 'restricted' as const, entries },
    network: 'restricted' as const,
  };
  return { permissions, cwd: '/a', workspaceRoots: ['/a'] };
}

const RANK = { none: 0, read: 1, write: 2 };

test('a policy answers what the definition says, for every path, and knows which trees are whole', async () => {
  await fc.assert(
    fc.asyncProperty(paths, globs, linkTarget, async (pathEntries, globEntries, target) => {
      const entries: PermissionEntry[] = [...pathEntries, ...globEntries];
      const links: Record<string, string> = { '/link': target };
      const policy = await resolvePolicy(profile(entries), {
        readLink: async (path) => links[path],
        tmpdir: '/b/a',
      });
      const reference = new Reference(entries, links);
      const expected = new Map(PATHS.map((path) => [path, reference.accessAt(path)]));
      const answers = PATHS.map((path) => [path, policy.accessAt(path)]);
      expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expected));
      const wrong = TREES.flatMap(({ path, below }) =>
        (['read', 'write'] as const)
          .filter((wanted) => {
            const restricted = [path, ...below].some((one) => RANK[expected.get(one) ?? 'none'] < RANK[wanted]);
            const said = policy.mayRestrictBelow(path, wanted);
            // With patterns it may say so without need, never the reverse.
            return restricted !== said && (restricted || globEntries.length === 0);
          })
          .map((wanted) => `${path} ${wanted}`),
      );
      expect(wrong).toEqual([]);
    }),
    { numRuns: 200 },
  );
});

test('whoever may write somewhere gains nothing by putting links there', async () => {
  const linkAnywhere = fc.record({ from: plainPath, to: plainPath });
  await fc.assert(
    fc.asyncProperty(
      fc.array(plainEntry, { maxLength: 5 }),
      fc.array(linkAnywhere, { maxLength: 4 }),
      async (entries, wanted) => {
        const before = await resolvePolicy(profile(entries), { readLink: async () => undefined });
        const links = new Map<string, string>();
        for (const { from, to } of wanted) if (before.mayReplace(from)) links.set(from, to);
        const after = await resolvePolicy(profile(entries), { readLink: async (path) => links.get(path) });
        for (const path of PATHS) {
          const [was, is] = [before.accessAt(path), after.accessAt(path)];
          if (RANK[is] > RANK[was]) expect.fail(`${path} was ${was}, is ${is} with ${JSON.stringify([...links])}`);
        }
      },
    ),
    { numRuns: 300 },
  );
});
