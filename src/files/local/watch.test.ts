import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pathFromBytes } from '../../protocol/paths.js';
import type { FileChanges, FileWatcher } from '../types.js';
import { type Access, plainAccess } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { WATCH_MAX_PATHS } from './limits.js';
import { sandboxDenied } from './os-error.js';
import { watch } from './watch.js';
import { whenPresent } from './when-present.js';

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'watch-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Watches, and gathers all that comes. */
async function observe(access: Access, path: string, { recursive = false } = {}) {
  const watcher = await watch(access, path, { recursive });
  onTestFinished(() => watcher.close());
  const seen = new Set<string>();
  let overflow = false;
  let news: () => void = () => undefined;
  const reading = read();

  async function read() {
    for await (const changes of watcher) {
      for (const changed of changes.changedPaths) seen.add(changed);
      overflow ||= changes.overflow;
      news();
    }
  }
  const until = async (done: () => boolean) => {
    while (!done()) {
      const next = new Promise<void>((resolve) => {
        news = resolve;
      });
      await Promise.race([next, reading.then(() => Promise.reject(new Error('the watch has ended')))]);
    }
  };
  return {
    watcher,
    seen,
    reading,
    sees: (...paths: string[]) => until(() => paths.every((wanted) => seen.has(wanted))),
    seesOrOverflows: (paths: string[]) => until(() => overflow || paths.every((wanted) => seen.has(wanted))),
  };
}

async function shell(directory: string, script: string): Promise<void> {
  const child = spawn('sh', ['-ec', script], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
  expect(await once(child, 'exit')).toEqual([0, null]);
}

/** Watches of the kernel that this process holds. */
async function kernelWatches(): Promise<number> {
  let count = 0;
  for (const fd of await readdir('/proc/self/fd')) {
    const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
    if (target !== 'anon_inode:inotify') continue;
    const info = await readFile(`/proc/self/fdinfo/${fd}`, 'utf8');
    count += info.split('\n').filter((line) => line.startsWith('inotify wd:')).length;
  }
  return count;
}

const accesses: [string, () => Access][] = [
  ['by path', () => plainAccess],
  ['anchored', () => new AnchoredAccess()],
];

describe.each(accesses)('watch, %s', (_, makeAccess) => {
  const access = makeAccess();

  it('tells what is created, changed and removed in a directory', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'old'), '');
    await writeFile(join(directory, 'doomed'), '');
    const { sees, seen } = await observe(access, directory);
    await writeFile(join(directory, 'new'), 'x');
    await writeFile(join(directory, 'old'), 'x');
    await unlink(join(directory, 'doomed'));
    await sees(...['new', 'old', 'doomed'].map((name) => join(directory, name)));
    expect(seen.size).toBe(3);
  });

  it('tells nothing of what is deeper, unless recursive', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'sub'));
    const flat = await observe(access, directory);
    const deep = await observe(access, directory, { recursive: true });
    await writeFile(join(directory, 'sub/file'), 'x');
    await writeFile(join(directory, 'last'), 'x');
    await deep.sees(join(directory, 'sub/file'));
    await flat.sees(join(directory, 'last'));
    expect([...flat.seen]).not.toContain(join(directory, 'sub/file'));
  });

  it('tells of a file each time an editor replaces it by a rename', async () => {
    const path = join(await temporaryDirectory(), 'file');
    await writeFile(path, '0');
    const { seen, sees } = await observe(access, path);
    for (const content of ['1', '2', '3']) {
      seen.clear();
      await writeFile(`${path}.tmp`, content);
      await rename(`${path}.tmp`, path);
      await sees(path);
    }
    expect([...seen]).toEqual([path]);
  });

  it('tells of a file that is removed, and when it comes back, perhaps with its directory', async () => {
    const path = join(await temporaryDirectory(), 'sub/file');
    await mkdir(dirname(path));
    await writeFile(path, '0');
    const { seen, sees } = await observe(access, path);
    await rm(dirname(path), { recursive: true });
    await sees(path);
    seen.clear();
    await mkdir(dirname(path));
    await writeFile(path, '1');
    await sees(path);
    seen.clear();
    await writeFile(path, '2');
    await sees(path);
  });

  it('tells what is in directories that were made and filled at once', async () => {
    const directory = await temporaryDirectory();
    const { sees } = await observe(access, directory, { recursive: true });
    await shell(directory, 'for i in $(seq 50); do mkdir -p a$i/b/c; echo x > a$i/b/c/file; done');
    await sees(...Array.from({ length: 50 }, (_, i) => join(directory, `a${i + 1}/b/c/file`)));
  });

  it('follows a directory that is moved within the tree, and one that takes its place', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'a/b'), { recursive: true });
    const { seen, sees } = await observe(access, directory, { recursive: true });
    await shell(directory, 'mv a z; mkdir -p a/b');
    await sees(join(directory, 'z/b'), join(directory, 'a/b'));
    seen.clear();
    await writeFile(join(directory, 'z/b/moved'), 'x');
    await writeFile(join(directory, 'a/b/new'), 'x');
    await sees(join(directory, 'z/b/moved'), join(directory, 'a/b/new'));
  });

  it('tells what is in a directory that was removed and made again at once', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'sub'));
    const { seen, sees } = await observe(access, directory, { recursive: true });
    for (let i = 0; i < 10; i++) {
      seen.clear();
      await shell(directory, 'rm -r sub; mkdir sub; echo x > sub/marker');
      await sees(join(directory, 'sub/marker'));
      seen.clear();
      await writeFile(join(directory, 'sub/file'), 'x');
      await sees(join(directory, 'sub/file'));
    }
  });

  it('goes on with the directory that comes in place of the one it watched', async () => {
    const directory = join(await temporaryDirectory(), 'root');
    await mkdir(join(directory, 'sub'), { recursive: true });
    const { seen, sees } = await observe(access, directory, { recursive: true });
    await rm(directory, { recursive: true });
    await sees(directory);
    seen.clear();
    await mkdir(join(directory, 'sub'), { recursive: true });
    await sees(directory);
    await writeFile(join(directory, 'sub/file'), 'x');
    await sees(join(directory, 'sub/file'));
  });

  it('does not follow links out of the tree', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'outside'));
    await mkdir(join(directory, 'root'));
    await symlink('../outside', join(directory, 'root/before'));
    const { sees, seen } = await observe(access, join(directory, 'root'), { recursive: true });
    await symlink('../outside', join(directory, 'root/after'));
    await sees(join(directory, 'root/after'));
    await writeFile(join(directory, 'outside/file'), 'x');
    await writeFile(join(directory, 'root/last'), 'x');
    await sees(join(directory, 'root/last'));
    expect([...seen].filter((path) => path.endsWith('/file'))).toEqual([]);
  });

  it('names what is not UTF-8, and what looks like an escape', async () => {
    const directory = await temporaryDirectory();
    const { sees } = await observe(access, directory, { recursive: true });
    const odd = Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.from([0xff])]);
    await mkdir(odd);
    await sees(pathFromBytes(odd));
    await writeFile(Buffer.concat([odd, Buffer.from('/file')]), 'x');
    await writeFile(join(directory, 'back\\slash'), 'x');
    await sees(`${pathFromBytes(odd)}/file`, join(directory, 'back\\slash'));
  });

  it('loses no path of a loop that creates 10,000 files while it is read, or says so', async () => {
    const directory = await temporaryDirectory();
    const observed = await observe(access, directory, { recursive: true });
    await shell(directory, 'i=0; while [ $i -lt 10000 ]; do : > f$i; i=$((i+1)); done');
    const all = Array.from({ length: 10_000 }, (_, i) => join(directory, `f${i}`));
    await observed.seesOrOverflows(all);
    // It goes on after that. More than once, because the last of an overflow may come after the first.
    await mkdir(join(directory, 'sub'));
    const again = setInterval(() => void writeFile(join(directory, 'sub/file'), 'x'), 100);
    await observed.sees(join(directory, 'sub/file')).finally(() => clearInterval(again));
  });

  it('says that it overflowed, and keeps no list, when nobody asks', async () => {
    const directory = await temporaryDirectory();
    const watcher = await watch(access, directory, { recursive: true });
    onTestFinished(() => watcher.close());
    await Promise.all(Array.from({ length: WATCH_MAX_PATHS + 1 }, (_, i) => writeFile(join(directory, `f${i}`), '')));
    // Events come in order: when this one is there, the others are.
    const second = await observe(access, directory);
    await writeFile(join(directory, 'last'), '');
    await second.sees(join(directory, 'last'));
    expect(await first(watcher)).toEqual({ changedPaths: [], overflow: true });
  });

  it('refuses what is not there', async () => {
    const path = join(await temporaryDirectory(), 'none');
    await expect(watch(access, path)).rejects.toMatchObject({ code: -32004, data: { kind: 'not_found', path } });
  });

  it('ends when closed, and releases every watch', async () => {
    const directory = await temporaryDirectory();
    await shell(directory, 'for i in $(seq 20); do mkdir -p d$i/e; done');
    const before = await kernelWatches();
    const { watcher, reading } = await observe(access, directory, { recursive: true });
    expect(await kernelWatches()).toBe(before + 41);
    await Promise.all([watcher.close(), watcher.close()]);
    await reading;
    expect(await kernelWatches()).toBe(before);
  });

  it('releases the watches of directories that are removed', async () => {
    const directory = await temporaryDirectory();
    const before = await kernelWatches();
    const { sees } = await observe(access, directory, { recursive: true });
    await shell(directory, 'for i in $(seq 20); do mkdir -p d/e$i; done; mkdir kept');
    await sees(join(directory, 'd/e20'), join(directory, 'kept'));
    await rm(join(directory, 'd'), { recursive: true });
    await writeFile(join(directory, 'kept/file'), '');
    await sees(join(directory, 'kept/file'));
    expect(await kernelWatches()).toBe(before + 2);
  });
});

async function first(watcher: FileWatcher): Promise<FileChanges | undefined> {
  for await (const changes of watcher) return changes;
  return undefined;
}

describe('watch', () => {
  it('does not name what the access denies', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'secret'));
    const judge = (path: string) => {
      if (path.includes('/secret')) throw sandboxDenied(path, 'read');
    };
    const access: Access = {
      ...plainAccess,
      existing: async (path, wanted) => {
        judge(path);
        return plainAccess.existing(path, wanted);
      },
      name: async (path, wanted) => {
        judge(path);
        return plainAccess.name(path, wanted);
      },
    };
    const { seen, sees } = await observe(access, directory, { recursive: true });
    await writeFile(join(directory, 'secret/file'), 'x');
    await writeFile(join(directory, 'secret.txt'), 'x');
    await writeFile(join(directory, 'open'), 'x');
    await sees(join(directory, 'open'));
    expect([...seen]).toEqual([join(directory, 'open')]);
  });
});

describe('whenPresent', () => {
  it('resolves at once when one of the paths is there', async () => {
    const directory = await temporaryDirectory();
    await whenPresent([join(directory, 'none'), directory], new AbortController().signal);
  });

  it('resolves when the last of several directories on the way is made', async () => {
    const directory = await temporaryDirectory();
    const paths = [join(directory, 'x'), join(directory, 'a/b/c')];
    let present = false;
    const waiting = whenPresent(paths, new AbortController().signal).then(() => {
      present = true;
    });
    await mkdir(join(directory, 'a'));
    await mkdir(join(directory, 'a/b'));
    expect(present).toBe(false);
    await mkdir(join(directory, 'a/b/c'));
    await waiting;
  });

  it('rejects with the reason of the signal, and releases every watch', async () => {
    const directory = await temporaryDirectory();
    const before = await kernelWatches();
    const stop = new AbortController();
    const waiting = whenPresent([join(directory, 'x'), join(directory, 'y/z')], stop.signal);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect.poll(kernelWatches).toBe(before);
    await expect(whenPresent([directory], stop.signal)).rejects.toThrow('enough');
  });
});
