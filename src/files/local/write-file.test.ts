import { execFile, execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { chmod, link, mkdir, mkdtemp, open, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pathFromBytes } from '../../protocol/paths.js';
import { plainAccess } from './access.js';
import { LocalFileSystem } from './local-file-system.js';
import { writeFile as writeFileWithin } from './write-file.js';

const files = new LocalFileSystem();
const run = promisify(execFile);

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'files-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

describe('writeFile', () => {
  it('creates a file that all may read and only its owner may write', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await files.writeFile(path, Buffer.from([0, 0xff]));
    expect(await readFile(path)).toEqual(Buffer.from([0, 0xff]));
    expect((await stat(path)).mode & 0o7777).toBe(0o644 & ~process.umask());
  });

  it('replaces a longer content, and keeps mode and hard links', async () => {
    const directory = await temporaryDirectory();
    const path = join(directory, 'f');
    await writeFile(path, 'long content');
    await chmod(path, 0o600);
    await link(path, join(directory, 'other'));
    await files.writeFile(path, Buffer.from('x'));
    expect(await readFile(join(directory, 'other'), 'utf8')).toBe('x');
    expect((await stat(path)).mode & 0o7777).toBe(0o600);
  });

  it('empties a file when there is nothing to write', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, 'content');
    await files.writeFile(path, Buffer.alloc(0));
    expect(await readFile(path, 'utf8')).toBe('');
  });

  it('writes through a link, also through one that leads nowhere yet', async () => {
    const directory = await temporaryDirectory();
    await symlink('target', join(directory, 'link'));
    await files.writeFile(join(directory, 'link'), Buffer.from('new'));
    await files.writeFile(join(directory, 'link'), Buffer.from('newer'));
    expect(await readFile(join(directory, 'target'), 'utf8')).toBe('newer');
  });

  it('creates a file whose name is not UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from(`${await temporaryDirectory()}/bad`), Buffer.from([0xff])]);
    await files.writeFile(pathFromBytes(bytes), Buffer.from('x'));
    expect(await readFile(bytes, 'utf8')).toBe('x');
  });

  it('writes to character devices', async () => {
    await files.writeFile('/dev/null', Buffer.alloc(100_000));
    await expect(files.writeFile('/dev/full', Buffer.from('x'))).rejects.toMatchObject({
      message: 'No space left on device (os error 28): /dev/full',
      data: { kind: 'io_error', errno: 'ENOSPC', mayHaveExecuted: true },
    });
  });

  it('refuses a directory, and leaves no trace of a file below a missing one', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'd'));
    await expect(files.writeFile(join(directory, 'd'), Buffer.alloc(0))).rejects.toMatchObject({
      code: -32603,
      message: `Is a directory (os error 21): ${directory}/d`,
    });
    const failure = await files.writeFile(join(directory, 'none/f'), Buffer.alloc(0)).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: -32004, kind: 'not_found' });
    expect(failure).not.toHaveProperty('data.mayHaveExecuted');
  });

  it('waits for the reader of a fifo, and gives it more than the fifo holds', async () => {
    const path = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [path]);
    const written = files.writeFile(path, Buffer.alloc(300_000, 'x'));
    const { stdout } = await run('cat', [path], { maxBuffer: 1_000_000 });
    await written;
    expect(stdout).toBe('x'.repeat(300_000));
  });

  it('gives up on a fifo that nobody reads', async () => {
    const path = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [path]);
    await expect(writeFileWithin(plainAccess, path, Buffer.from('x'), { patienceMs: 30 })).rejects.toMatchObject({
      code: -32603,
      message: `No such device or address (os error 6): ${path}`,
    });
  });

  it('gives up on a fifo whose reader takes nothing', async () => {
    const path = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [path]);
    const reader = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => reader.close());
    await expect(writeFileWithin(plainAccess, path, Buffer.alloc(300_000), { patienceMs: 30 })).rejects.toMatchObject({
      code: -32603,
      data: { kind: 'io_error', errno: 'EAGAIN', mayHaveExecuted: true },
    });
  });
});
