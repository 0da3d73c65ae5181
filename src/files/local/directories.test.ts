import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pathFromBytes } from '../../protocol/paths.js';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('readDirectory', () => {
  it('tells files, directories and the rest apart, following links', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, '.hidden'), '');
    await mkdir(join(directory, 'd'));
    await symlink('d', join(directory, 'to-d'));
    await symlink('.hidden', join(directory, 'to-file'));
    execFileSync('mkfifo', [join(directory, 'fifo')]);
    const entries = await files.readDirectory(directory);
    expect(entries.sort((a, b) => (a.fileName < b.fileName ? -1 : 1))).toEqual([
      { fileName: '.hidden', isDirectory: false, isFile: true },
      { fileName: 'd', isDirectory: true, isFile: false },
      { fileName: 'fifo', isDirectory: false, isFile: false },
      { fileName: 'to-d', isDirectory: true, isFile: false },
      { fileName: 'to-file', isDirectory: false, isFile: true },
    ]);
  });

  it('leaves out links that lead nowhere, or round in circles', async () => {
    const directory = await temporaryDirectory();
    await symlink('none', join(directory, 'dangling'));
    await symlink('loop', join(directory, 'loop'));
    expect(await files.readDirectory(directory)).toEqual([]);
  });

  it('shows names that are not UTF-8 with replacement characters', async () => {
    const directory = await temporaryDirectory();
    await writeFile(Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.from([0xff])]), '');
    await symlink('.', Buffer.concat([Buffer.from(`${directory}/link`), Buffer.from([0xfe])]));
    const names = (await files.readDirectory(directory)).map((entry) => entry.fileName);
    expect(new Set(names)).toEqual(new Set(['bad\ufffd', 'link\ufffd']));
  });

  it('lists a directory whose own name is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`${await temporaryDirectory()}/bad`), Buffer.from([0xff])]);
    await mkdir(bytes);
    await writeFile(Buffer.concat([bytes, Buffer.from('/f')]), '');
    expect(await files.readDirectory(pathFromBytes(bytes))).toEqual([
      { fileName: 'f', isDirectory: false, isFile: true },
    ]);
  });

  it('lists 20,000 entries in the order of the operating system', { timeout: 60_000 }, async () => {
    const directory = await temporaryDirectory();
    execFileSync('sh', ['-c', 'seq -f f%05g 1 19000 | xargs touch'], { cwd: directory });
    await Promise.all(Array.from({ length: 1000 }, (_, i) => symlink('f00001', join(directory, `link${i}`))));
    const names = (await files.readDirectory(directory)).map((entry) => entry.fileName);
    const raw = execFileSync('ls', ['-U', directory], { maxBuffer: 1e6 }).toString().trimEnd().split('\n');
    expect(raw).toHaveLength(20_000);
    expect(names).toEqual(raw);
  });

  it('refuses what is no directory', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    await expect(files.readDirectory(path)).rejects.toMatchObject({
      code: -32603,
      message: `Not a directory (os error 20): ${path}`,
    });
  });
});

describe('createDirectory', () => {
  it('makes the parents too, and is content with what is there', async () => {
    const directory = await temporaryDirectory();
    await files.createDirectory(join(directory, 'a/b/c'));
    await files.createDirectory(join(directory, 'a/b/c'));
    await files.createDirectory('/');
    expect((await stat(join(directory, 'a/b/c'))).isDirectory()).toBe(true);
  });

  it('makes one directory and no parents when it is not recursive', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'a/b');
    await expect(files.createDirectory(path, { recursive: false })).rejects.toMatchObject({ code: -32004 });
    await files.createDirectory(join(directory, 'a'), { recursive: false });
    await expect(files.createDirectory(join(directory, 'a'), { recursive: false })).rejects.toMatchObject({
      code: -32603,
      message: `File exists (os error 17): ${directory}/a`,
    });
    expect(await readdir(directory)).toEqual(['a']);
  });

  it('refuses a place that is taken by a file or by a link that leads nowhere', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), '');
    await symlink('none', join(directory, 'dangling'));
    for (const name of ['f', 'dangling', 'dangling/below']) {
      await expect(files.createDirectory(join(directory, name))).rejects.toMatchObject({ data: { errno: 'EEXIST' } });
    }
    await expect(files.createDirectory(join(directory, 'f/below'))).rejects.toMatchObject({
      code: -32603,
      data: { errno: 'ENOTDIR' },
    });
  });

  it('goes through links to directories', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await symlink('d', join(directory, 'link'));
    await files.createDirectory(join(directory, 'link'));
    await files.createDirectory(join(directory, 'link/sub'));
    expect(await readdir(join(directory, 'd'))).toEqual(['sub']);
  });

  it('makes all of a path at the same time as others do', async () => {
    const path = join(await temporaryDirectory(), 'a/b/c/d/e');
    await Promise.all(Array.from({ length: 20 }, () => files.createDirectory(path)));
    expect((await stat(path)).isDirectory()).toBe(true);
  });
});
