import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAX_READ_FILE_BYTES } from '../../protocol/limits.js';
import { pathFromBytes } from '../../protocol/paths.js';
import { UNKNOWN_SIZE_BYTES } from './limits.js';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('readFile', () => {
  it('returns every byte of a file, also where it is not text', async () => {
    const path = join(await temporaryDirectory(), 'f');
    const content = Buffer.from([0, 0xff, 0x80, 10, 13]);
    await writeFile(path, content);
    expect(await files.readFile(path)).toEqual(content);
  });

  it('returns nothing of an empty file', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    expect(await files.readFile(path)).toEqual(Buffer.alloc(0));
  });

  it('returns a file that takes many reads', async () => {
    const path = join(await temporaryDirectory(), 'f');
    const content = Buffer.alloc(9 * 1024 * 1024 + 1, 'abcdefg');
    await writeFile(path, content);
    expect((await files.readFile(path)).equals(content)).toBe(true);
  });

  it('follows links', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), 'hi');
    await symlink('f', join(directory, 'link'));
    expect((await files.readFile(join(directory, 'link'))).toString()).toBe('hi');
  });

  it('reads a file whose name is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`${await temporaryDirectory()}/bad`), Buffer.from([0xff, 0xe2, 0x82])]);
    await writeFile(bytes, 'found');
    expect((await files.readFile(pathFromBytes(bytes))).toString()).toBe('found');
  });

  it('reads files of /proc, which claim to be empty', async () => {
    expect((await stat('/proc/self/status')).size).toBe(0);
    expect((await files.readFile('/proc/self/status')).toString()).toContain(`Pid:\t${process.pid}\n`);
  });

  it('reads a file that is longer than the first guess at what it does not tell', async () => {
    const value = 'x'.repeat(UNKNOWN_SIZE_BYTES + 1);
    const child = spawn('cat', { env: { PATH: process.env.PATH, VALUE: value } });
    onTestFinished(() => void child.kill());
    child.stdin.write('started');
    await once(child.stdout, 'data');
    expect((await files.readFile(`/proc/${child.pid}/environ`)).toString()).toContain(`VALUE=${value}\0`);
  });

  it('refuses a fifo at once, and does not take what its writer has to say', async () => {
    const path = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [path]);
    const writer = spawn('sh', ['-c', 'echo ready; echo kept > "$0"', path]);
    onTestFinished(() => void writer.kill());
    await once(writer.stdout, 'data');
    for (let i = 0; i < 20; i++) {
      await expect(files.readFile(path)).rejects.toMatchObject({
        code: -32600,
        kind: 'invalid_input',
        message: `path \`${path}\` is not a file`,
      });
    }
    expect(execFileSync('cat', [path], { timeout: 2000 }).toString()).toBe('kept\n');
  });

  it('refuses directories and devices', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    for (const path of [join(directory, 'd'), '/dev/null', '/dev/zero']) {
      await expect(files.readFile(path)).rejects.toMatchObject({
        code: -32600,
        message: `path \`${path}\` is not a file`,
        data: { kind: 'invalid_input', path },
      });
    }
  });

  it('refuses a file above 512 MiB before it reads any of it', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '');
    await truncate(path, MAX_READ_FILE_BYTES + 1);
    await expect(files.readFile(path)).rejects.toMatchObject({
      code: -32600,
      kind: 'too_large',
      message: 'file is too large to read: limit is 536870912 bytes',
    });
  });

  it('refuses a file that turns out too large only while it is read', async () => {
    await expect(files.readFile('/proc/sys/kernel/ostype', { maxBytes: 5 })).rejects.toMatchObject({
      kind: 'too_large',
    });
    expect((await files.readFile('/proc/sys/kernel/ostype', { maxBytes: 6 })).toString()).toBe('Linux\n');
  });

  it('returns a file of just the size that is allowed', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '12345');
    expect((await files.readFile(path, { maxBytes: 5 })).toString()).toBe('12345');
  });
});
