import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'trouble-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const canMount =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;

// Needs root, who alone can make a disk that is small enough to fill.
describe.runIf(canMount)('on a full disk', () => {
  const full = { code: -32603, data: { kind: 'io_error', errno: 'ENOSPC' } };
  const tooMuch = Buffer.alloc(200_000, 'x');
  let disk: string;
  beforeEach(async () => {
    disk = await mkdtemp(join(directory, 'disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk]);
    await writeFile(join(disk, 'f'), 'old');
  });
  afterEach(() => execFileSync('umount', [disk]));

  it('an atomic write fails, the old content stays, and nothing is left over', async () => {
    await expect(files.writeFile(join(disk, 'f'), tooMuch, { atomic: true })).rejects.toMatchObject(full);
    expect(await readdir(disk)).toEqual(['f']);
    expect(await readFile(join(disk, 'f'), 'utf8')).toBe('old');
  });

  it('a plain write, a block and a copy fail and say that something may have been written', async () => {
    const part = { ...full, data: { ...full.data, mayHaveExecuted: true } };
    await expect(files.writeFile(join(disk, 'f'), tooMuch)).rejects.toMatchObject(part);
    await writeFile(join(disk, 'f'), '');
    const file = await files.open(join(disk, 'f'), { mode: 'update' });
    await expect(file.writeBlock(0, tooMuch)).rejects.toMatchObject(part);
    await file.close();
    await writeFile(join(directory, 'large'), tooMuch);
    await expect(files.copy(join(directory, 'large'), join(disk, 'copy'))).rejects.toMatchObject(part);
  });
});

it('reads a file that comes and goes whole or not at all', async () => {
  const path = join(directory, 'f');
  const content = 'x'.repeat(10_000);
  let done = false;
  const comesAndGoes = (async () => {
    while (!done) {
      await files.writeFile(path, Buffer.from(content), { atomic: true });
      await unlink(path);
    }
  })();
  const seen = { whole: 0, missing: 0 };
  for (let i = 0; i < 2_000; i++) {
    try {
      expect((await files.readFile(path)).toString()).toBe(content);
      seen.whole++;
    } catch (error) {
      expect(error).toMatchObject({ code: -32004, kind: 'not_found' });
      seen.missing++;
    }
  }
  done = true;
  await comesAndGoes;
  expect(seen.whole).toBeGreaterThan(0);
  expect(seen.missing).toBeGreaterThan(0);
});
