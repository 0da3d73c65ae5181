import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pathFromBytes } from '../../protocol/paths.js';
import type { WalkOptions } from '../types.js';
import { type Access, plainAccess } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { sandboxDenied } from './os-error.js';
import { walk } from './walk.js';

/** A tree made by a script of the shell. */
async function tree(script: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'walk-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  execFileSync('sh', ['-ec', script], { cwd: directory });
  return directory;
}

const accesses: [string, Access][] = [
  ['by path', plainAccess],
  ['anchored', new AnchoredAccess()],
];

// The tree and the answers are those of a real server, 0.169.0: conformance case v169/walk.
const OBSERVED = 'mkdir -p d/e .hid; : > d/e/g; : > .hid/x; : > a; ln -s d ld; ln -s none dang; mkfifo p';

describe.each(accesses)('walk, %s', (_, access) => {
  /** As `d:name` and `f:name`, below the directory. */
  async function list(directory: string, options: WalkOptions = {}) {
    const { entries, errors, truncated } = await walk(access, directory, options);
    expect(errors).toEqual([]);
    const names = entries.map(({ path, kind }) => `${kind[0]}:${path.slice(directory.length + 1)}`);
    return truncated ? [...names, 'truncated'] : names;
  }

  it('lists breadth first, by name, without links, fifos and devices', async () => {
    expect(await list(await tree(OBSERVED))).toEqual(['d:.hid', 'f:a', 'd:d', 'f:.hid/x', 'd:d/e', 'f:d/e/g']);
  });

  it('goes as deep as it is told, and calls that complete', async () => {
    const directory = await tree(OBSERVED);
    expect(await list(directory, { maxDepth: 0 })).toEqual(['d:.hid', 'f:a', 'd:d']);
    expect(await list(directory, { maxDepth: 1 })).toEqual(['d:.hid', 'f:a', 'd:d', 'f:.hid/x', 'd:d/e']);
  });

  it('lists hidden directories without going into them', async () => {
    const directory = await tree(`${OBSERVED}; : > .file`);
    expect(await list(directory, { pruneHiddenDirectories: true })).toEqual([
      'f:.file',
      'd:.hid',
      'f:a',
      'd:d',
      'd:d/e',
      'f:d/e/g',
    ]);
  });

  it('lists links to directories where they are followed, and goes into nothing twice', async () => {
    const directory = await tree(`${OBSERVED}; ln -s .. d/up; ln -s . self`);
    expect(await list(directory, { followDirectorySymlinks: true })).toEqual([
      'd:.hid',
      'f:a',
      'd:d',
      'd:ld',
      'd:self',
      'f:.hid/x',
      'd:d/e',
      'd:d/up',
      'f:d/e/g',
    ]);
  });

  it('stops at a number of entries, and says so only if there is more', async () => {
    const directory = await tree(OBSERVED);
    expect(await list(directory, { maxEntries: 2 })).toEqual(['d:.hid', 'f:a', 'truncated']);
    expect(await list(directory, { maxEntries: 5 })).toEqual([
      'd:.hid',
      'f:a',
      'd:d',
      'f:.hid/x',
      'd:d/e',
      'truncated',
    ]);
    expect(await list(directory, { maxEntries: 6 })).toHaveLength(6);
    expect(await list(directory, { maxEntries: 0 })).toEqual(['truncated']);
  });

  it('stops at a number of directories, and says so only if there is more', async () => {
    const directory = await tree(OBSERVED);
    expect(await list(directory, { maxDirectories: 1 })).toEqual(['d:.hid', 'f:a', 'd:d', 'truncated']);
    expect(await list(directory, { maxDirectories: 4 })).toHaveLength(6);
  });

  it('lists the first names of a directory that holds far more than it may', async () => {
    const directory = await tree('seq -f "f%05g" 5000 | xargs touch');
    expect(await list(directory, { maxEntries: 3 })).toEqual(['f:f00001', 'f:f00002', 'f:f00003', 'truncated']);
  });

  it('sorts by bytes, and keeps names that are not UTF-8', async () => {
    const directory = await tree('mkdir B a é');
    const odd = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from([0xff])]);
    await mkdir(odd);
    await writeFile(Buffer.concat([odd, Buffer.from('/f')]), '');
    const name = pathFromBytes(Buffer.from([0xff]));
    expect(await list(directory)).toEqual(['d:B', 'd:a', 'd:é', `d:${name}`, `f:${name}/f`]);
  });

  it('lists nothing of a file', async () => {
    const directory = await tree(': > f');
    expect(await list(join(directory, 'f'))).toEqual([]);
  });

  it('begins where a link leads', async () => {
    const directory = await tree('mkdir d; : > d/f; ln -s d l');
    expect(await list(join(directory, 'l'))).toEqual(['f:f']);
  });

  it('refuses what is not there', async () => {
    const path = join(await tree(''), 'none');
    await expect(walk(access, path)).rejects.toMatchObject({ code: -32004, data: { path } });
  });

  it('holds a hundred directories of depth without holding descriptors', async () => {
    const directory = await tree(`mkdir -p ${'d/'.repeat(100)}`);
    expect(await list(directory)).toHaveLength(65);
    expect((await list(directory, { maxDepth: 1000 })).length).toBe(65);
  });
});

describe('walk', () => {
  const denying = (denied: RegExp): Access => {
    const judge = (path: string) => {
      if (denied.test(path)) throw sandboxDenied(path, 'read');
    };
    return {
      ...plainAccess,
      existing: async (path, wanted) => {
        judge(path);
        return plainAccess.existing(path, wanted);
      },
      child: async (directory, name, wanted) => {
        judge(`${directory.path}/${name}`);
        return plainAccess.child(directory, name, wanted);
      },
    };
  };

  it('names what the access denies in the errors, and goes on', async () => {
    const directory = await tree('mkdir open secret; : > open/f; : > secret/f; : > z.secret');
    await symlink('secret', join(directory, 'link'));
    const { entries, errors, truncated } = await walk(denying(/secret/), directory);
    expect(entries.map(({ path }) => path)).toEqual([join(directory, 'open'), join(directory, 'open/f')]);
    expect(errors.map(({ path }) => path)).toEqual([join(directory, 'secret'), join(directory, 'z.secret')]);
    expect(errors[0]?.message).toContain('sandbox');
    expect(truncated).toBe(false);
  });

  it('rejects when the directory itself is denied', async () => {
    const directory = await tree(': > f');
    await expect(walk(denying(/./), directory)).rejects.toMatchObject({ kind: 'sandbox_denied' });
  });

  it('counts errors, so that they are bounded too', async () => {
    const directory = await tree('touch a b c d');
    const { entries, errors, truncated } = await walk(denying(/\/[abcd]$/), directory, { maxEntries: 3 });
    expect([entries.length, errors.length, truncated]).toEqual([0, 3, true]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'names a directory that may not be read in the errors (not as root)',
    async () => {
      const directory = await tree('mkdir closed open; : > open/f; chmod 0 closed');
      const { entries, errors } = await walk(plainAccess, directory);
      expect(entries).toHaveLength(3);
      expect(errors).toEqual([
        { path: join(directory, 'closed'), message: expect.stringContaining('Permission denied (os error 13)') },
      ]);
    },
  );

  it('names a directory that goes while it walks in the errors', async () => {
    const directory = await tree('mkdir a b; : > b/f');
    const { errors, entries } = await walk(
      {
        ...plainAccess,
        child: async (place, name, wanted) => {
          if (name === 'b') await rm(join(directory, 'a'), { recursive: true, force: true });
          return plainAccess.child(place, name, wanted);
        },
      },
      directory,
    );
    expect(errors.map(({ path }) => path)).toEqual([join(directory, 'a')]);
    expect(entries.at(-1)?.path).toBe(join(directory, 'b/f'));
  });
});
