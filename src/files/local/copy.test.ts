import { execFileSync } from 'node:child_process';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pathFromBytes } from '../../protocol/paths.js';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();
const INTO_ITSELF = 'fs/copy cannot copy a directory to itself or one of its descendants';

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('copy of a file', () => {
  it.each(['741', '400', '4755', '2711'])('keeps the mode %s, and gives it a new time', async (octal) => {
    const mode = Number.parseInt(octal, 8);
    const directory = await temporaryDirectory();
    const [a, b] = [join(directory, 'a'), join(directory, 'b')];
    await writeFile(a, 'hi');
    await chmod(a, mode);
    await utimes(a, 1000, 1000);
    await files.copy(a, b);
    expect(await readFile(b, 'utf8')).toBe('hi');
    const copied = await stat(b);
    expect(copied.mode & 0o7777).toBe(mode);
    expect(copied.mtimeMs).toBeGreaterThan(1_000_000);
  });

  it('replaces content and mode of the file that the destination leads to', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'a'), 'short', { mode: 0o600 });
    await writeFile(join(directory, 'b'), 'something longer', { mode: 0o644 });
    await symlink('b', join(directory, 'link'));
    await link(join(directory, 'b'), join(directory, 'other'));
    await files.copy(join(directory, 'a'), join(directory, 'link'));
    expect(await readFile(join(directory, 'other'), 'utf8')).toBe('short');
    expect((await stat(join(directory, 'b'))).mode & 0o7777).toBe(0o600);
    expect((await lstat(join(directory, 'link'))).isSymbolicLink()).toBe(true);
  });

  it('copies a file that takes many reads', async () => {
    const directory = await temporaryDirectory();
    const content = Buffer.alloc(9 * 1024 * 1024 + 1, 'abcdefg');
    await writeFile(join(directory, 'a'), content);
    await files.copy(join(directory, 'a'), join(directory, 'b'));
    expect((await readFile(join(directory, 'b'))).equals(content)).toBe(true);
  });

  it('copies files that claim less than they hold, or more', async () => {
    const directory = await temporaryDirectory();
    const sources = ['/proc/sys/kernel/ostype', '/sys/devices/system/cpu/online'];
    for (const [i, source] of sources.entries()) {
      await files.copy(source, join(directory, `${i}`));
      expect(await readFile(join(directory, `${i}`), 'utf8')).toBe(await readFile(source, 'utf8'));
    }
  });

  it('copies names that are not UTF-8', async () => {
    const directory = await temporaryDirectory();
    const bad = (byte: number) => Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.from([byte])]);
    await writeFile(bad(0xff), 'x');
    await files.copy(pathFromBytes(bad(0xff)), pathFromBytes(bad(0xfe)));
    expect(await readFile(bad(0xfe), 'utf8')).toBe('x');
  });

  it('refuses to copy a file onto itself, also through links, and leaves it as it is', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'a');
    await writeFile(path, 'precious');
    await symlink('a', join(directory, 'symbolic'));
    await link(path, join(directory, 'hard'));
    for (const name of ['a', 'symbolic', 'hard']) {
      await expect(files.copy(path, join(directory, name))).rejects.toMatchObject({
        code: -32600,
        kind: 'invalid_input',
        message: 'fs/copy cannot copy a file onto itself',
      });
    }
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('refuses a directory as destination, and names the side that is missing', async () => {
    const directory = await temporaryDirectory();
    const at = (name: string) => join(directory, name);
    await writeFile(at('a'), '');
    await mkdir(at('d'));
    await expect(files.copy(at('a'), at('d'))).rejects.toMatchObject({ code: -32603, data: { errno: 'EISDIR' } });
    await expect(files.copy(at('none'), at('b'))).rejects.toMatchObject({ code: -32004, data: { path: at('none') } });
    await expect(files.copy(at('a'), at('none/b'))).rejects.toMatchObject({
      code: -32004,
      data: { path: at('none/b') },
    });
  });

  it('refuses a fifo or a device as source', async () => {
    const directory = await temporaryDirectory();
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    for (const source of [join(directory, 'fifo'), '/dev/null']) {
      await expect(files.copy(source, join(directory, 'b'))).rejects.toMatchObject({
        code: -32600,
        message: 'fs/copy only supports regular files, directories, and symlinks',
      });
    }
  });
});

describe('copy of a link', () => {
  it('makes a link with the same text, wherever it leads', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    const target = Buffer.from([0x62, 0xff]);
    await symlink(target, join(directory, 'dangling'));
    await symlink('d', join(directory, 'to-d'));
    await files.copy(join(directory, 'dangling'), join(directory, 'dangling2'));
    await files.copy(join(directory, 'to-d'), join(directory, 'to-d2'), { recursive: true });
    expect(await readlink(join(directory, 'dangling2'), { encoding: 'buffer' })).toEqual(target);
    expect(await readlink(join(directory, 'to-d2'))).toBe('d');
  });

  it('replaces nothing', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), 'kept');
    await symlink('none', join(directory, 'link'));
    await expect(files.copy(join(directory, 'link'), join(directory, 'f'))).rejects.toMatchObject({
      code: -32603,
      message: `File exists (os error 17): ${directory}/f`,
    });
    expect(await readFile(join(directory, 'f'), 'utf8')).toBe('kept');
  });
});

describe('copy of a directory', () => {
  it('copies everything below it, links as links, into a place whose parents are missing', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/sub/empty'), { recursive: true });
    await writeFile(join(directory, 'd/sub/f'), 'x', { mode: 0o755 });
    await symlink('../outside', join(directory, 'd/link'));
    await files.copy(join(directory, 'd'), join(directory, 'new/deep'), { recursive: true });
    expect((await readdir(join(directory, 'new/deep'), { recursive: true })).sort(byName)).toEqual([
      'link',
      'sub',
      'sub/empty',
      'sub/f',
    ]);
    expect(await readlink(join(directory, 'new/deep/link'))).toBe('../outside');
    expect((await stat(join(directory, 'new/deep/sub/f'))).mode & 0o777).toBe(0o755);
  });

  it('merges into the directory that is there, its own files winning', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await mkdir(join(directory, 'e'));
    await writeFile(join(directory, 'd/f'), 'new');
    await writeFile(join(directory, 'e/f'), 'old and longer');
    await writeFile(join(directory, 'e/g'), 'untouched');
    await files.copy(join(directory, 'd'), join(directory, 'e'), { recursive: true });
    expect(await readFile(join(directory, 'e/f'), 'utf8')).toBe('new');
    expect(await readFile(join(directory, 'e/g'), 'utf8')).toBe('untouched');
  });

  it('copies a tree of names that are not UTF-8', async () => {
    const directory = await temporaryDirectory();
    const bad = Buffer.concat([Buffer.from(`${directory}/d/`), Buffer.from([0xff])]);
    await mkdir(bad, { recursive: true });
    await writeFile(Buffer.concat([bad, Buffer.from('/'), Buffer.from([0xfe])]), 'x');
    await files.copy(join(directory, 'd'), join(directory, 'e'), { recursive: true });
    const copied = Buffer.concat([Buffer.from(`${directory}/e/`), Buffer.from([0xff, 0x2f, 0xfe])]);
    expect(await readFile(copied, 'utf8')).toBe('x');
  });

  it('skips fifos', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await writeFile(join(directory, 'd/f'), '');
    execFileSync('mkfifo', [join(directory, 'd/fifo')]);
    await files.copy(join(directory, 'd'), join(directory, 'e'), { recursive: true });
    expect(await readdir(join(directory, 'e'))).toEqual(['f']);
  });

  it('refuses it unless it is recursive', async () => {
    const directory = await temporaryDirectory();
    await expect(files.copy(directory, join(directory, 'e'), { recursive: false })).rejects.toMatchObject({
      code: -32600,
      message: 'fs/copy requires recursive: true when sourcePath is a directory',
    });
  });

  it('refuses a file as destination', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await writeFile(join(directory, 'f'), '');
    await expect(files.copy(join(directory, 'd'), join(directory, 'f'), { recursive: true })).rejects.toMatchObject({
      code: -32603,
      message: `File exists (os error 17): ${directory}/f`,
    });
  });

  it('refuses itself and what is below it, also through links, before it makes anything', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/x'), { recursive: true });
    await symlink('d/x', join(directory, 'link'));
    for (const destination of ['d', 'd/x', 'd/new/deep', 'link', 'link/y/z']) {
      await expect(
        files.copy(join(directory, 'd'), join(directory, destination), { recursive: true }),
      ).rejects.toMatchObject({ code: -32600, kind: 'invalid_input', message: INTO_ITSELF });
    }
    await expect(files.copy('/', join(directory, 'all'), { recursive: true })).rejects.toMatchObject({
      message: INTO_ITSELF,
    });
    expect((await readdir(directory, { recursive: true })).sort(byName)).toEqual(['d', 'd/x', 'link']);
  });

  it('takes a neighbour whose name begins alike, and the parent, for other directories', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/x'), { recursive: true });
    await writeFile(join(directory, 'd/x/f'), 'x');
    await files.copy(join(directory, 'd'), join(directory, 'd-copy'), { recursive: true });
    await files.copy(join(directory, 'd/x'), join(directory, 'd'), { recursive: true });
    expect(await readFile(join(directory, 'd-copy/x/f'), 'utf8')).toBe('x');
    expect(await readFile(join(directory, 'd/f'), 'utf8')).toBe('x');
  });

  it('ends where a link inside the destination leads back into the source', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/x/y/z'), { recursive: true });
    await mkdir(join(directory, 'e'));
    await symlink('../d/x/y/z', join(directory, 'e/x'));
    await expect(files.copy(join(directory, 'd'), join(directory, 'e'), { recursive: true })).rejects.toMatchObject({
      code: -32600,
      message: INTO_ITSELF,
      data: { mayHaveExecuted: true },
    });
  });

  it('names the file at which it failed, and says that something may have been copied', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/sub'), { recursive: true });
    await writeFile(join(directory, 'd/sub/f'), '');
    await mkdir(join(directory, 'e/sub/f'), { recursive: true });
    await expect(files.copy(join(directory, 'd'), join(directory, 'e'), { recursive: true })).rejects.toMatchObject({
      message: `Is a directory (os error 21): ${directory}/e/sub/f`,
      data: { mayHaveExecuted: true },
    });
  });
});

function byName(a: string, b: string): number {
  return a < b ? -1 : 1;
}
