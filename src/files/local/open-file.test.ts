import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.js';
import type { OpenFile, OpenMode } from '../types.js';
import { type Access, plainAccess } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { openFile } from './open-file.js';

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'open-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

const accesses: [string, Access][] = [
  ['by path', plainAccess],
  ['anchored', new AnchoredAccess()],
];
const modes: OpenMode[] = ['read', 'replace', 'update'];

describe.each(accesses)('openFile, %s', (_, access) => {
  async function open(path: string, mode?: OpenMode): Promise<OpenFile> {
    const file = await openFile(access, path, { mode });
    onTestFinished(() => file.close());
    return file;
  }

  it('reads blocks anywhere, and says eof only when a read came up short', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, '0123456789');
    const file = await open(path);
    expect(await file.readBlock(2, 3)).toEqual({ chunk: Buffer.from('234'), eof: false });
    expect(await file.readBlock(7, 3)).toEqual({ chunk: Buffer.from('789'), eof: false });
    expect(await file.readBlock(7, 4)).toEqual({ chunk: Buffer.from('789'), eof: true });
    expect(await file.readBlock(100, 1)).toEqual({ chunk: Buffer.alloc(0), eof: true });
  });

  it('empties what it replaces at once, and keeps its mode', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, 'old content');
    await chmod(path, 0o640);
    const file = await open(path, 'replace');
    expect(await readFile(path, 'utf8')).toBe('');
    await file.writeBlock(0, Buffer.from('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  it('writes into what it updates, beyond its end too, and reads it', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, 'old content');
    const file = await open(path, 'update');
    await file.writeBlock(4, Buffer.from('CON'));
    await file.writeBlock(12, Buffer.from('!'));
    expect(await readFile(path, 'utf8')).toBe('old CONtent\0!');
    expect((await file.readBlock(0, 7)).chunk.toString()).toBe('old CON');
  });

  it.each([
    'replace',
    'update',
  ] as const)('creates with 0644 less the umask to %s, also where a link leads', async (mode) => {
    const directory = await temporaryDirectory();
    await symlink('target', join(directory, 'link'));
    const umask = process.umask(0o027);
    onTestFinished(() => void process.umask(umask));
    await open(join(directory, 'link'), mode);
    expect((await stat(join(directory, 'target'))).mode & 0o777).toBe(0o640);
  });

  it('refuses to read what is not there, or to create where no directory is', async () => {
    const path = join(await temporaryDirectory(), 'no/f');
    for (const mode of modes) {
      await expect(open(path, mode)).rejects.toMatchObject({ code: -32004, data: { kind: 'not_found', path } });
    }
  });

  it.each(modes)('refuses directories and devices to %s', async (mode) => {
    for (const path of [await temporaryDirectory(), '/dev/null', '/dev/zero']) {
      await expect(open(path, mode)).rejects.toMatchObject({
        code: -32600,
        message: `path \`${path}\` is not a file`,
        data: { kind: 'invalid_input', path },
      });
    }
  });

  it.each(modes)('refuses a fifo to %s at once, and does not disturb who waits at its other end', async (mode) => {
    const path = join(await temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [path]);
    const attempt = () => expect(open(path, mode)).rejects.toMatchObject({ message: `path \`${path}\` is not a file` });
    await attempt();
    const begin = (script: string) => {
      const child = spawn('sh', ['-c', script, path], { stdio: ['ignore', 'pipe', 'inherit'] });
      onTestFinished(() => void child.kill());
      return child;
    };
    const reading = 'echo ready; cat "$0"';
    const writing = 'echo ready; echo kept > "$0"';
    const waiting = begin(mode === 'read' ? writing : reading);
    await once(waiting.stdout, 'data');
    for (let i = 0; i < 10; i++) await attempt();
    const other = begin(mode === 'read' ? reading : writing);
    expect(await text(mode === 'read' ? other.stdout : waiting.stdout)).toMatch(/kept\n$/);
  });

  it('stays with the file that it opened when that is renamed and replaced', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), 'mine');
    const file = await open(join(directory, 'f'), 'update');
    await rename(join(directory, 'f'), join(directory, 'moved'));
    await writeFile(join(directory, 'f'), 'other');
    expect((await file.readBlock(0, 4)).chunk.toString()).toBe('mine');
    await file.writeBlock(0, Buffer.from('MINE'));
    expect(await readFile(join(directory, 'f'), 'utf8')).toBe('other');
    expect(await readFile(join(directory, 'moved'), 'utf8')).toBe('MINE');
  });

  it('refuses blocks that are too small or too large, and offsets that are none', async () => {
    const path = join(await temporaryDirectory(), 'f');
    const file = await open(path, 'update');
    for (const length of [0, -1, 1.5, MAX_BLOCK_BYTES + 1]) {
      await expect(file.readBlock(0, length)).rejects.toMatchObject({
        code: -32600,
        message: 'file read block length must be between 1 and 1048576',
      });
    }
    for (const length of [0, MAX_BLOCK_BYTES + 1]) {
      await expect(file.writeBlock(0, Buffer.alloc(length))).rejects.toMatchObject({
        code: -32600,
        message: 'file write block length must be between 1 and 1048576',
      });
    }
    for (const offset of [-1, 0.5, 2 ** 53]) {
      await expect(file.readBlock(offset, 1)).rejects.toMatchObject({ code: -32600 });
      await expect(file.writeBlock(offset, Buffer.from('x'))).rejects.toMatchObject({ code: -32600 });
    }
    await file.writeBlock(0, Buffer.alloc(MAX_BLOCK_BYTES, 'a'));
    const { chunk, eof } = await file.readBlock(0, MAX_BLOCK_BYTES);
    expect([chunk.length, eof]).toEqual([MAX_BLOCK_BYTES, false]);
  });

  it('says why a block cannot be written', async () => {
    const file = await open(join(await temporaryDirectory(), 'f'), 'replace');
    await expect(file.writeBlock(Number.MAX_SAFE_INTEGER, Buffer.from('x'))).rejects.toMatchObject({
      message: expect.stringMatching(/File too large|Invalid argument/),
      data: { mayHaveExecuted: true },
    });
  });

  it('can be closed twice, and is of no use then', async () => {
    const path = join(await temporaryDirectory(), 'f');
    await writeFile(path, 'x');
    const file = await open(path);
    await Promise.all([file.close(), file.close()]);
    await file.close();
    await expect(file.readBlock(0, 1)).rejects.toMatchObject({ data: { errno: 'EBADF' } });
  });

  it('leaves no descriptor open, whether it succeeds or fails', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'f'), 'x');
    await mkdir(join(directory, 'd'));
    for (const mode of modes) {
      await (await open(join(directory, 'f'), mode)).close();
      await open(join(directory, 'd'), mode).catch(() => undefined);
      await open(join(directory, 'd/no/f'), mode).catch(() => undefined);
    }
    const fds = await readdir('/proc/self/fd');
    const targets = await Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    expect(targets.filter((target) => target.startsWith(directory))).toEqual([]);
  });
});
