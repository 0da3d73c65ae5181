import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
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

describe('remove', () => {
  it('removes a file, and a directory with everything in it', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), '');
    await mkdir(join(directory, 'd/e/g'), { recursive: true });
    for (let i = 0; i < 50; i++) await writeFile(join(directory, `d/e/${i}`), '');
    await files.remove(join(directory, 'f'));
    await files.remove(join(directory, 'd'));
    expect(await readdir(directory)).toEqual([]);
  });

  it('removes an empty directory, but no other, when it is not recursive', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd/e'), { recursive: true });
    await expect(files.remove(join(directory, 'd'), { recursive: false })).rejects.toMatchObject({
      code: -32603,
      message: `Directory not empty (os error 39): ${directory}/d`,
    });
    await files.remove(join(directory, 'd/e'), { recursive: false });
    await files.remove(join(directory, 'd'), { recursive: false });
    expect(await readdir(directory)).toEqual([]);
  });

  it('removes links, and never what they lead to', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'keep'));
    await writeFile(join(directory, 'keep/f'), '');
    await mkdir(join(directory, 'd'));
    await symlink('../keep', join(directory, 'd/inside'));
    await symlink('keep', join(directory, 'link'));
    await symlink('none', join(directory, 'dangling'));
    for (const name of ['d', 'link', 'dangling']) await files.remove(join(directory, name), { force: false });
    expect(await readdir(directory)).toEqual(['keep']);
    expect(await readdir(join(directory, 'keep'))).toEqual(['f']);
  });

  it('removes a tree of names that are not UTF-8', async () => {
    const directory = await temporaryDirectory();
    const bytes = Buffer.concat([Buffer.from(`${directory}/bad`), Buffer.from([0xff])]);
    await mkdir(bytes);
    await writeFile(Buffer.concat([bytes, Buffer.from('/'), Buffer.from([0xfe])]), '');
    await files.remove(pathFromBytes(bytes));
    expect(await readdir(directory)).toEqual([]);
  });

  it('takes a missing path for an error only without force', async () => {
    const path = join(await temporaryDirectory(), 'none');
    await files.remove(path);
    await expect(files.remove(path, { force: false })).rejects.toMatchObject({ code: -32004, kind: 'not_found' });
  });

  it('hides nothing else by force', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    await expect(files.remove(join(path, 'below'))).rejects.toMatchObject({ code: -32603, data: { errno: 'ENOTDIR' } });
  });

  it('succeeds where somebody else removes the same tree at the same time', async () => {
    const path = join(await temporaryDirectory(), 'd');
    for (let i = 0; i < 20; i++) {
      await mkdir(join(path, `${i}`), { recursive: true });
      await Promise.all(Array.from({ length: 20 }, (_, j) => writeFile(join(path, `${i}/${j}`), '')));
    }
    const remove = () => files.remove(path, { force: false });
    await Promise.all([remove(), remove(), remove()]);
    await expect(files.getMetadata(path)).rejects.toMatchObject({ code: -32004 });
  });

  it('names the path inside the tree that could not be removed, and says that something may be gone', async () => {
    await expect(files.remove('/proc/self/fdinfo')).rejects.toMatchObject({
      code: -32600,
      message: expect.stringMatching(
        /^(Operation not permitted \(os error 1\)|Permission denied \(os error 13\)): \/proc\/self\/fdinfo\/\d+$/,
      ),
      data: { kind: 'permission_denied', mayHaveExecuted: true },
    });
  });
});
