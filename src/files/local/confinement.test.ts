import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readlink,
  readFile as readPlain,
  realpath,
  rm,
  stat,
  symlink,
  writeFile as writePlain,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { AccessPolicy } from '../../permissions/types.js';
import { pathFromBytes } from '../../protocol/paths.js';
import type { Access } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { writeFileAtomically } from './atomic-write.js';
import { canonicalize } from './canonicalize.js';
import { copy } from './copy.js';
import { createDirectory } from './create-directory.js';
import { getMetadata } from './metadata.js';
import { openFile } from './open-file.js';
import { readDirectory } from './read-directory.js';
import { readFile } from './read-file.js';
import { remove } from './remove.js';
import { rename } from './rename.js';
import { VerifyingAccess } from './verifying-access.js';
import { writeFile } from './write-file.js';

const x = Buffer.from('x');
const denied = { code: -32600, kind: 'sandbox_denied' };

let base: string;
let ws: string;
let readable: string;
let outside: string;

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'confined-')));
  ws = join(base, 'ws');
  readable = join(base, 'readable');
  outside = join(base, 'outside');
  for (const directory of [ws, readable, outside]) {
    await mkdir(join(directory, 'd/e'), { recursive: true });
    await writePlain(join(directory, 'f'), directory);
    await writePlain(join(directory, 'd/e/g'), directory);
  }
});

afterEach(() => rm(base, { recursive: true, force: true }));

/** Writing in `ws`, but for `ws/kept`, which may be read, and `ws/hidden`; reading in `readable`; nothing elsewhere. */
function policy(): AccessPolicy {
  const rules = [
    { path: join(ws, 'hidden'), access: 'none' },
    { path: join(ws, 'kept'), access: 'read' },
    { path: ws, access: 'write' },
    { path: readable, access: 'read' },
  ] as const;
  const covers = (directory: string, path: string) => path === directory || path.startsWith(`${directory}/`);
  const rank = { none: 0, read: 1, write: 2 };
  return {
    unrestricted: false,
    network: 'restricted',
    warnings: [],
    rules: [...rules].reverse(),
    denyGlobs: [],
    accessAt: (path) => rules.find((rule) => covers(rule.path, path))?.access ?? 'none',
    mayReplace: (path) => path !== ws,
    mayRestrictBelow: (path, access) =>
      rules.some((rule) => covers(path, rule.path) && rank[rule.access] < rank[access]) ||
      !rules.some((rule) => covers(rule.path, path)),
  };
}

const kinds: [string, (options?: { followSymlinks?: boolean }) => Access][] = [
  ['verifying', (options) => new VerifyingAccess({ policy: policy(), ...options })],
];
if (process.platform === 'linux') {
  kinds.unshift(['anchored', (options) => new AnchoredAccess({ policy: policy(), ...options })]);
}

describe.each(kinds)('%s access', (kind, newAccess) => {
  let access: Access;
  beforeEach(() => {
    access = newAccess();
  });

  it('lets everything be done where everything may be done', async () => {
    await writeFile(access, join(ws, 'new'), x);
    expect((await readFile(access, join(ws, 'new'))).toString()).toBe('x');
    await writeFileAtomically(access, join(ws, 'new'), Buffer.from('y'));
    await createDirectory(access, join(ws, 'a/b/c'), { recursive: true });
    await copy(access, join(readable, 'd'), join(ws, 'a/copied'), { recursive: true });
    await rename(access, join(ws, 'a/copied'), join(ws, 'a/moved'), { overwrite: false });
    expect((await readFile(access, join(ws, 'a/moved/e/g'))).toString()).toBe(readable);
    expect(await readDirectory(access, join(ws, 'a'))).toHaveLength(2);
    await remove(access, join(ws, 'a'), { recursive: true, force: false });
    expect((await readdir(ws)).sort()).toEqual(['d', 'f', 'new']);
    expect(await readPlain(join(ws, 'new'), 'utf8')).toBe('y');
  });

  it('denies every kind of read outside, and leaves nothing to be learnt about what is there', async () => {
    for (const path of [join(outside, 'f'), join(outside, 'none'), join(outside, 'f/below'), outside, '/', '/etc']) {
      await expect(readFile(access, path)).rejects.toMatchObject({ ...denied, data: { path, access: 'read' } });
      await expect(getMetadata(access, path)).rejects.toMatchObject(denied);
      await expect(readDirectory(access, path)).rejects.toMatchObject(denied);
      await expect(canonicalize(access, path)).rejects.toMatchObject(denied);
      await expect(openFile(access, path)).rejects.toMatchObject(denied);
      await expect(copy(access, path, join(ws, 'copy'), { recursive: true })).rejects.toMatchObject(denied);
    }
    expect((await readdir(ws)).sort()).toEqual(['d', 'f']);
  });

  it('denies every kind of change outside and where only reading is allowed', async () => {
    for (const directory of [outside, readable]) {
      const f = join(directory, 'f');
      for (const path of [f, join(directory, 'new'), join(directory, 'none/new')]) {
        const error = { ...denied, data: { path, access: 'write' } };
        await expect(writeFile(access, path, x)).rejects.toMatchObject(error);
        await expect(writeFileAtomically(access, path, x)).rejects.toMatchObject(error);
        await expect(openFile(access, path, { mode: 'replace' })).rejects.toMatchObject(denied);
        await expect(remove(access, path, { recursive: true, force: true })).rejects.toMatchObject(denied);
        await expect(createDirectory(access, path, { recursive: true })).rejects.toMatchObject(denied);
        await expect(createDirectory(access, path, { recursive: false })).rejects.toMatchObject(denied);
        await expect(copy(access, join(ws, 'f'), path, { recursive: false })).rejects.toMatchObject(denied);
        await expect(rename(access, join(ws, 'f'), path, { overwrite: true })).rejects.toMatchObject(denied);
        await expect(rename(access, path, join(ws, 'g'), { overwrite: true })).rejects.toMatchObject(denied);
      }
      await expect(remove(access, directory, { recursive: true, force: true })).rejects.toMatchObject(denied);
      expect((await readdir(directory)).sort()).toEqual(['d', 'f']);
      expect(await readPlain(f, 'utf8')).toBe(directory);
    }
    expect((await readdir(ws)).sort()).toEqual(['d', 'f']);
  });

  it('judges a link by where it leads', async () => {
    await symlink(outside, join(ws, 'out'));
    await symlink(join(outside, 'f'), join(ws, 'file'));
    await symlink('../outside/new', join(ws, 'dangling'));
    await symlink('dangling', join(ws, 'twice'));
    await symlink('d/e/g', join(ws, 'inside'));
    for (const path of ['out/f', 'out/none', 'file', 'dangling', 'twice', 'd/../out/f']) {
      await expect(readFile(access, join(ws, path))).rejects.toMatchObject(denied);
      await expect(writeFile(access, join(ws, path), x)).rejects.toMatchObject(denied);
      await expect(writeFileAtomically(access, join(ws, path), x)).rejects.toMatchObject(denied);
      await expect(getMetadata(access, join(ws, path))).rejects.toMatchObject(denied);
    }
    await expect(createDirectory(access, join(ws, 'out/new'), { recursive: true })).rejects.toMatchObject(denied);
    await expect(remove(access, join(ws, 'out/f'), { recursive: true, force: true })).rejects.toMatchObject(denied);
    expect((await readdir(outside)).sort()).toEqual(['d', 'f']);
    expect((await readFile(access, join(ws, 'inside'))).toString()).toBe(ws);
    await writeFileAtomically(access, join(ws, 'inside'), x);
    expect(await readPlain(join(ws, 'd/e/g'), 'utf8')).toBe('x');
    expect((await lstat(join(ws, 'inside'))).isSymbolicLink()).toBe(true);
  });

  it('creates through a link that leads nowhere yet, where it leads', async () => {
    await symlink('later', join(ws, 'one'));
    await symlink(join(ws, 'd/two'), join(ws, 'two'));
    await writeFile(access, join(ws, 'one'), x);
    await writeFileAtomically(access, join(ws, 'two'), x);
    expect(await readPlain(join(ws, 'later'), 'utf8')).toBe('x');
    expect(await readPlain(join(ws, 'd/two'), 'utf8')).toBe('x');
    await symlink('loop', join(ws, 'loop'));
    await expect(writeFile(access, join(ws, 'loop'), x)).rejects.toMatchObject({ data: { errno: 'ELOOP' } });
  });

  it('removes, renames and copies a link as a link', async () => {
    await symlink(outside, join(ws, 'out'));
    await rename(access, join(ws, 'out'), join(ws, 'moved'), { overwrite: false });
    await copy(access, join(ws, 'moved'), join(ws, 'copied'), { recursive: false });
    expect(await readlink(join(ws, 'copied'))).toBe(outside);
    await remove(access, join(ws, 'moved'), { recursive: true, force: false });
    expect((await readdir(outside)).sort()).toEqual(['d', 'f']);
  });

  it('shows that a link is there, but not what it leads to', async () => {
    await symlink(outside, join(ws, 'd/out'));
    await symlink(readable, join(ws, 'd/in'));
    const entries = await readDirectory(access, join(ws, 'd'));
    expect(entries).toContainEqual({ fileName: 'out', isDirectory: false, isFile: false });
    expect(entries).toContainEqual({ fileName: 'in', isDirectory: true, isFile: false });
  });

  it('takes no tree that holds what is restricted, and leaves it whole', async () => {
    await mkdir(join(ws, 'kept'));
    await writePlain(join(ws, 'kept/f'), 'kept');
    await mkdir(join(ws, 'hidden'));
    await expect(remove(access, ws, { recursive: true, force: true })).rejects.toMatchObject(denied);
    await expect(copy(access, ws, join(ws, 'd/copy'), { recursive: true })).rejects.toMatchObject({ code: -32600 });
    await expect(rename(access, join(ws, 'kept'), join(ws, 'free'), { overwrite: true })).rejects.toMatchObject(denied);
    await expect(writeFile(access, join(ws, 'kept/f'), x)).rejects.toMatchObject(denied);
    await expect(readDirectory(access, join(ws, 'hidden'))).rejects.toMatchObject(denied);
    expect((await readFile(access, join(ws, 'kept/f'))).toString()).toBe('kept');
    expect((await readdir(ws)).sort()).toEqual(['d', 'f', 'hidden', 'kept']);
  });

  it('lets the root of a grant be filled and emptied, but not be taken away or made a link', async () => {
    await expect(remove(access, ws, { recursive: true, force: true })).rejects.toMatchObject(denied);
    await expect(rename(access, ws, join(ws, 'd/ws'), { overwrite: true })).rejects.toMatchObject(denied);
    await symlink(outside, join(ws, 'out'));
    await rm(ws, { recursive: true });
    await symlink(outside, join(readable, 'out'));
    await expect(copy(access, join(readable, 'out'), ws, { recursive: false })).rejects.toMatchObject(denied);
    await createDirectory(access, ws, { recursive: false });
    await copy(access, join(readable, 'out'), join(ws, 'out'), { recursive: false });
  });

  it('says of what is missing that it is missing, where that may be known', async () => {
    const missing = { code: -32004, kind: 'not_found' };
    await expect(readFile(access, join(ws, 'none'))).rejects.toMatchObject(missing);
    await expect(readFile(access, join(readable, 'none/f'))).rejects.toMatchObject(missing);
    await expect(writeFile(access, join(ws, 'none/f'), x)).rejects.toMatchObject(missing);
    await expect(getMetadata(access, join(ws, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
    await remove(access, join(ws, 'none/f'), { recursive: true, force: true });
    await expect(remove(access, join(ws, 'none/f'), { recursive: true, force: false })).rejects.toMatchObject(missing);
    await expect(rename(access, join(ws, 'none'), join(ws, 'g'), { overwrite: true })).rejects.toMatchObject(missing);
  });

  it('refuses links in any component when it is told to follow none', async () => {
    const strict = newAccess({ followSymlinks: false });
    const refused = { code: -32600, kind: 'symlink_refused' };
    await symlink('d', join(ws, 'link'));
    await symlink('f', join(ws, 'file'));
    await symlink('new', join(ws, 'dangling'));
    for (const path of ['link/e/g', 'file']) {
      await expect(readFile(strict, join(ws, path))).rejects.toMatchObject(refused);
      await expect(writeFile(strict, join(ws, path), x)).rejects.toMatchObject(refused);
    }
    await expect(writeFile(strict, join(ws, 'dangling'), x)).rejects.toMatchObject(refused);
    await expect(createDirectory(strict, join(ws, 'link/new'), { recursive: false })).rejects.toMatchObject(refused);
    expect((await readFile(strict, join(ws, 'd/e/g'))).toString()).toBe(ws);
    await writeFile(strict, join(ws, 'new'), x);
  });

  it('keeps names that are not UTF-8', async () => {
    const path = pathFromBytes(Buffer.concat([Buffer.from(`${ws}/`), Buffer.from([0xff, 0x61])]));
    await writeFile(access, path, x);
    await writeFileAtomically(access, path, x);
    expect((await readFile(access, path)).toString()).toBe('x');
    expect(await canonicalize(access, path)).toBe(path);
    await rename(access, path, join(ws, 'g'), { overwrite: false });
    await remove(access, join(ws, 'g'), { recursive: false, force: false });
  });

  it('never waits for a fifo', async () => {
    execFileSync('mkfifo', [join(ws, 'fifo')]);
    await expect(readFile(access, join(ws, 'fifo'))).rejects.toMatchObject({ code: -32600 });
    await expect(openFile(access, join(ws, 'fifo'), { mode: 'replace' })).rejects.toMatchObject({ code: -32600 });
    await remove(access, join(ws, 'fifo'), { recursive: false, force: false });
  });

  it('does not replace what is there, unless told to', async () => {
    await expect(rename(access, join(ws, 'f'), join(ws, 'd/e/g'), { overwrite: false })).rejects.toMatchObject({
      data: { errno: 'EEXIST' },
    });
    await mkdir(join(ws, 'empty'));
    await expect(rename(access, join(ws, 'd'), join(ws, 'empty'), { overwrite: false })).rejects.toMatchObject({
      data: { errno: 'EEXIST' },
    });
    await rename(access, join(ws, 'd'), join(ws, 'empty'), { overwrite: true });
    await rename(access, join(ws, 'f'), join(ws, 'empty/e/g'), { overwrite: true });
    expect(await readdir(ws)).toEqual(['empty']);
  });

  it('replaces the content of a file in one step and keeps its mode', async () => {
    const path = join(ws, 'script');
    await writePlain(path, 'old', { mode: 0o750 });
    await link(path, join(ws, 'second'));
    await writeFileAtomically(access, path, Buffer.from('new'));
    expect((await stat(path)).mode & 0o7777).toBe(0o750);
    expect(await readPlain(path, 'utf8')).toBe('new');
    expect(await readPlain(join(ws, 'second'), 'utf8')).toBe('old');
    await expect(writeFileAtomically(access, join(ws, 'd'), x)).rejects.toMatchObject({ code: -32600 });
    expect((await readdir(ws)).sort()).toEqual(['d', 'f', 'script', 'second']); // no temporary file
  });

  it.runIf(process.platform === 'linux')('is not misled by /proc', async () => {
    for (const path of [
      `/proc/self/root${outside}/f`,
      `/proc/${process.pid}/cwd`,
      '/proc/self/exe',
      '/proc/self/fd/0',
    ]) {
      await expect(readFile(access, path)).rejects.toMatchObject(denied);
      await expect(writeFile(access, path, x)).rejects.toMatchObject(denied);
    }
    if (kind === 'anchored') {
      expect((await readFile(access, `/proc/self/root${ws}/f`)).toString()).toBe(ws);
    }
  });
});

const asRoot = process.platform === 'linux' && process.getuid?.() === 0;
const canMount = asRoot && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

describe.runIf(canMount)('with mounts, which only root can make', () => {
  const access = () => new AnchoredAccess({ policy: policy() });

  it('judges a bind mount by everything that it shows', async () => {
    await mkdir(join(ws, 'mounted'));
    execFileSync('mount', ['--bind', outside, join(ws, 'mounted')]);
    try {
      await expect(readFile(access(), join(ws, 'mounted/f'))).rejects.toMatchObject(denied);
      await expect(writeFile(access(), join(ws, 'mounted/f'), x)).rejects.toMatchObject(denied);
      await expect(writeFile(access(), join(ws, 'mounted/new'), x)).rejects.toMatchObject(denied);
      await expect(remove(access(), join(ws, 'mounted/d'), { recursive: true, force: true })).rejects.toMatchObject(
        denied,
      );
    } finally {
      execFileSync('umount', [join(ws, 'mounted')]);
    }
    expect((await readdir(outside)).sort()).toEqual(['d', 'f']);
  });

  it('lets a workspace be a bind mount itself', async () => {
    execFileSync('mount', ['--bind', outside, ws]);
    try {
      expect((await readFile(access(), join(ws, 'f'))).toString()).toBe(outside);
      await writeFile(access(), join(ws, 'new'), x);
    } finally {
      execFileSync('umount', [ws]);
    }
    expect((await readdir(outside)).sort()).toEqual(['d', 'f', 'new']);
  });

  it('refuses what another mount namespace shows at a path that is allowed', async () => {
    const script = `mount --bind '${outside}' '${ws}/d' && echo ready && exec sleep 60`;
    const other = spawn('unshare', ['-m', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void other.kill('SIGKILL'));
    await once(other.stdout, 'data');
    await symlink(`/proc/${other.pid}/root${ws}/d`, join(ws, 'magic'));
    expect(await readPlain(join(ws, 'magic/f'), 'utf8')).toBe(outside); // the attack works without the check
    await expect(readFile(access(), join(ws, 'magic/f'))).rejects.toMatchObject(denied);
    await expect(writeFile(access(), join(ws, 'magic/new'), x)).rejects.toMatchObject(denied);
    await expect(readFile(access(), `/proc/${other.pid}/root${ws}/d/f`)).rejects.toMatchObject(denied);
  });
});
