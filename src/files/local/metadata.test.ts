import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('getMetadata', () => {
  it('tells the size and the times of a file in whole milliseconds', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '12345');
    execFileSync('touch', ['-d', '2001-02-03T04:05:06.789999999Z', path]);
    expect(await files.getMetadata(path)).toEqual({
      isDirectory: false,
      isFile: true,
      isSymlink: false,
      size: 5,
      createdAtMs: expect.any(Number),
      modifiedAtMs: Date.parse('2001-02-03T04:05:06.789Z'),
    });
  });

  it('tells when the file was really created, whatever its other times say', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    await utimes(path, 1, 1);
    const { createdAtMs } = await files.getMetadata(path);
    const seconds = Number(execFileSync('stat', ['-c', '%W', path]).toString());
    expect(Math.floor(createdAtMs / 1000)).toBe(seconds);
  });

  it('gives 0 for a time before 1970 and for a birth that the file system does not know', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    execFileSync('touch', ['-d', '1969-01-01T00:00:00Z', path]);
    expect((await files.getMetadata(path)).modifiedAtMs).toBe(0);
    expect((await files.getMetadata('/proc/version')).createdAtMs).toBe(0);
  });

  it('describes what a link leads to, and says that it is a link', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), '12345');
    await symlink('f', join(directory, 'to-file'));
    await symlink('.', join(directory, 'to-directory'));
    expect(await files.getMetadata(join(directory, 'to-file'))).toMatchObject({
      isDirectory: false,
      isFile: true,
      isSymlink: true,
      size: 5,
    });
    expect(await files.getMetadata(join(directory, 'to-directory'))).toMatchObject({
      isDirectory: true,
      isFile: false,
      isSymlink: true,
    });
  });

  it('takes a link that leads nowhere for missing', async () => {
    const path = join(await temporaryDirectory(), 'dangling');
    await symlink('none', path);
    await expect(files.getMetadata(path)).rejects.toMatchObject({ code: -32004, kind: 'not_found' });
  });

  it('calls a device neither file nor directory', async () => {
    expect(await files.getMetadata('/dev/null')).toMatchObject({ isDirectory: false, isFile: false, isSymlink: false });
  });
});
