import { realpathSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SandboxContext } from '../../src/protocol/sandbox.js';
import { scratchDirectory } from '../harness/index.js';
import { openPlace, type Place } from './places.js';

/** What holds of files wherever they are. All places under test share this machine's disk. */
export function filesBehave(place: Place): void {
  const open = async () => ({ files: openPlace(place).files, dir: scratchDirectory() });
  const extensions = place.real === undefined;

  test('what is written is read, bytes and all', async () => {
    const { files, dir } = await open();
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i % 256));
    await files.writeFile(join(dir, 'file'), bytes);
    expect((await files.readFile(join(dir, 'file'))).equals(bytes)).toBe(true);
  });

  test('a name with spaces and letters beyond ASCII is a name like any other', async () => {
    const { files, dir } = await open();
    await files.writeFile(join(dir, 'ein Näme %20 #1'), Buffer.from('x'));
    expect(await files.readDirectory(dir)).toEqual([{ fileName: 'ein Näme %20 #1', isDirectory: false, isFile: true }]);
  });

  test('metadata tells directories, files and links apart', async () => {
    const { files, dir } = await open();
    await files.writeFile(join(dir, 'file'), Buffer.from('12345'));
    const file = await files.getMetadata(join(dir, 'file'));
    expect(file).toMatchObject({ isFile: true, isDirectory: false, isSymlink: false });
    if (place.real !== '0.129.0') expect(file.size).toBe(5);
    expect(Math.abs(file.modifiedAtMs - Date.now())).toBeLessThan(60_000);
    expect(await files.getMetadata(dir)).toMatchObject({ isFile: false, isDirectory: true });
  });

  test('what is not there is not found', async () => {
    const { files, dir } = await open();
    await expect(files.readFile(join(dir, 'none'))).rejects.toMatchObject({ code: -32004 });
    await expect(files.getMetadata(join(dir, 'none'))).rejects.toMatchObject({ code: -32004 });
    await expect(files.writeFile(join(dir, 'no', 'file'), Buffer.alloc(1))).rejects.toMatchObject({ code: -32004 });
  });

  test('directories are made with their parents, and removed with what is in them', async () => {
    const { files, dir } = await open();
    await files.createDirectory(join(dir, 'a/b/c'), { recursive: true });
    await files.writeFile(join(dir, 'a/b/c/file'), Buffer.from('x'));
    await files.remove(join(dir, 'a'), { recursive: true });
    expect(await files.readDirectory(dir)).toEqual([]);
  });

  test('removing what is not there is fine with force, and not found without', async () => {
    const { files, dir } = await open();
    await files.remove(join(dir, 'none'), { force: true });
    await expect(files.remove(join(dir, 'none'), { force: false })).rejects.toMatchObject({ code: -32004 });
  });

  test('a directory is copied with what is in it', async () => {
    const { files, dir } = await open();
    await files.createDirectory(join(dir, 'from/deep'), { recursive: true });
    await files.writeFile(join(dir, 'from/deep/file'), Buffer.from('copied'));
    await files.copy(join(dir, 'from'), join(dir, 'to'), { recursive: true });
    expect((await files.readFile(join(dir, 'to/deep/file'))).toString()).toBe('copied');
    await expect(files.copy(join(dir, 'from'), join(dir, 'to2'), { recursive: false })).rejects.toMatchObject({
      code: -32600,
    });
  });

  const blocks = place.real !== '0.129.0';

  describe.runIf(blocks)('open files (0.129.0 has none)', () => {
    test('are read in blocks, and tell their end by coming up short', async () => {
      const { files, dir } = await open();
      await files.writeFile(join(dir, 'file'), Buffer.from('abcdef'));
      const file = await files.open(join(dir, 'file'));
      expect(await file.readBlock(2, 4)).toEqual({ chunk: Buffer.from('cdef'), eof: false });
      expect(await file.readBlock(4, 4)).toEqual({ chunk: Buffer.from('ef'), eof: true });
      await file.close();
      await file.close();
      await expect(file.readBlock(0, 1)).rejects.toThrow();
    });

    test('opened to be replaced are empty at once, and take blocks where they are told', async () => {
      const { files, dir } = await open();
      await files.writeFile(join(dir, 'file'), Buffer.from('something long'));
      const file = await files.open(join(dir, 'file'), { mode: 'replace' });
      expect((await files.readFile(join(dir, 'file'))).length).toBe(0);
      await file.writeBlock(0, Buffer.from('ab'));
      await file.writeBlock(2, Buffer.from('cd'));
      await file.close();
      expect((await files.readFile(join(dir, 'file'))).toString()).toBe('abcd');
    });

    test('are regular files, and there', async () => {
      const { files, dir } = await open();
      await expect(files.open(dir)).rejects.toMatchObject({ code: -32600 });
      await expect(files.open(join(dir, 'none'))).rejects.toMatchObject({ code: -32004 });
    });

    test.runIf(extensions)('opened for update (no real server can) keep what is there', async () => {
      const { files, dir } = await open();
      await files.writeFile(join(dir, 'file'), Buffer.from('abcdef'));
      const file = await files.open(join(dir, 'file'), { mode: 'update' });
      await file.writeBlock(2, Buffer.from('XY'));
      await file.close();
      expect((await files.readFile(join(dir, 'file'))).toString()).toBe('abXYef');
    });
  });

  describe.runIf(blocks)('paths (0.129.0 neither resolves nor walks)', () => {
    test('are resolved through links; what is not there is not found', async () => {
      const { files, dir } = await open();
      await files.createDirectory(join(dir, 'a b'));
      symlinkSync('a b', join(dir, 'link'));
      expect(await files.canonicalize(join(dir, 'link'))).toBe(join(realpathSync(dir), 'a b'));
      await expect(files.canonicalize(join(dir, 'none'))).rejects.toMatchObject({ code: -32004 });
    });

    test('of a tree are listed breadth first, by name, up to a limit', async () => {
      const { files, dir } = await open();
      await files.createDirectory(join(dir, 'd/e'), { recursive: true });
      for (const name of ['a', 'd/f', 'd/e/g']) await files.writeFile(join(dir, name), Buffer.alloc(0));
      const all = await files.walk(dir);
      const names = ({ entries }: typeof all) => entries.map(({ path, kind }) => `${path.slice(dir.length)} ${kind}`);
      expect(names(all)).toEqual(['/a file', '/d directory', '/d/e directory', '/d/f file', '/d/e/g file']);
      expect(all).toMatchObject({ errors: [], truncated: false });
      expect(names(await files.walk(dir, { maxDepth: 0 }))).toEqual(['/a file', '/d directory']);
      expect((await files.walk(dir, { maxEntries: 1 })).truncated).toBe(true);
    });
  });

  test.runIf(!blocks)('what this server lacks is refused as unsupported', async () => {
    const { files, dir } = await open();
    const attempts = [
      () => files.open(dir),
      () => files.canonicalize(dir),
      () => files.walk(dir),
      () => files.watch(dir),
      () => files.rename(dir, `${dir}2`),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('a batch is done in order, up to the first failure', async () => {
    const { files, dir } = await open();
    const path = join(dir, 'file');
    const results = await files.batch([
      { op: 'writeFile', path, data: Buffer.from('one') },
      { op: 'readFile', path },
      { op: 'getMetadata', path },
      { op: 'copy', source: path, destination: join(dir, 'copy') },
      { op: 'remove', path },
      { op: 'readFile', path },
      { op: 'writeFile', path, data: Buffer.from('two') },
    ]);
    const done = { status: 'ok', value: undefined };
    expect(results).toMatchObject([
      done,
      { status: 'ok', value: Buffer.from('one') },
      { status: 'ok', value: { isFile: true } },
      done,
      done,
      { status: 'failed', error: { code: -32004 } },
      { status: 'skipped' },
    ]);
    expect((await files.readDirectory(dir)).map(({ fileName }) => fileName)).toEqual(['copy']);
  });

  test('a file is read up to a limit, and refused beyond it', async () => {
    const { files, dir } = await open();
    await files.writeFile(join(dir, 'file'), Buffer.from('12345'));
    expect((await files.readFile(join(dir, 'file'), { maxBytes: 5 })).toString()).toBe('12345');
    const more = files.readFile(join(dir, 'file'), { maxBytes: 4 });
    await expect(more).rejects.toMatchObject({ kind: 'too_large' });
  });

  describe.runIf(extensions)('what no real server has', () => {
    test('a file is moved, and replaces another only when told to', async () => {
      const { files, dir } = await open();
      const [source, destination] = [join(dir, 'a'), join(dir, 'b')];
      for (const path of [source, destination]) await files.writeFile(path, Buffer.from(path));
      await expect(files.rename(source, destination)).rejects.toThrow(/File exists/);
      await files.rename(source, destination, { overwrite: true });
      expect((await files.readFile(destination)).toString()).toBe(source);
      expect((await files.readDirectory(dir)).map(({ fileName }) => fileName)).toEqual(['b']);
    });

    test('a file is replaced atomically', async () => {
      const { files, dir } = await open();
      const path = join(dir, 'file');
      await files.writeFile(path, Buffer.from('old'));
      const reader = await files.open(path);
      await files.writeFile(path, Buffer.from('new'), { atomic: true });
      expect((await reader.readBlock(0, 10)).chunk.toString()).toBe('old');
      expect((await files.readFile(path)).toString()).toBe('new');
      await reader.close();
    });

    test('links can be refused', async () => {
      const { files, dir } = await open();
      await files.createDirectory(join(dir, 'd'));
      await files.writeFile(join(dir, 'd/file'), Buffer.from('x'));
      symlinkSync('d', join(dir, 'link'));
      const path = join(dir, 'link/file');
      expect((await files.readFile(path)).toString()).toBe('x');
      const refused = { kind: 'symlink_refused' };
      await expect(files.readFile(path, { followSymlinks: false })).rejects.toMatchObject(refused);
    });

    test('a watch tells what is created, changed and removed', async () => {
      const { files, dir } = await open();
      const watcher = await files.watch(dir, { recursive: true });
      const changes = watcher[Symbol.asyncIterator]();
      /** Until it has been told of this path. */
      const told = async (path: string) => {
        for (;;) {
          const { done, value } = await changes.next();
          if (done) throw new Error(`the watch ended without ${path}`);
          if (value.changedPaths.includes(path)) return;
        }
      };
      await files.createDirectory(join(dir, 'd'));
      await told(join(dir, 'd'));
      await files.writeFile(join(dir, 'd/file'), Buffer.from('x'));
      await told(join(dir, 'd/file'));
      await files.remove(join(dir, 'd/file'));
      await told(join(dir, 'd/file'));
      await watcher.close();
      expect((await changes.next()).done).toBe(true);
    });

    test('a sandbox denies what it does not grant, and says so', async () => {
      const { files, dir } = await open();
      await files.createDirectory(join(dir, 'in'));
      await files.writeFile(join(dir, 'file'), Buffer.from('secret'));
      const sandbox: SandboxContext = {
        permissions: {
          type: 'managed',
          fileSystem: {
            type: 'restricted',
            entries: [{ path: { type: 'path', path: join(dir, 'in') }, access: 'write' }],
          },
          network: 'restricted',
        },
      };
      await files.writeFile(join(dir, 'in/file'), Buffer.from('x'), { sandbox });
      const denied = { kind: 'sandbox_denied' };
      await expect(files.readFile(join(dir, 'file'), { sandbox })).rejects.toMatchObject(denied);
      await expect(files.writeFile(join(dir, 'new'), Buffer.from('x'), { sandbox })).rejects.toMatchObject(denied);
      const out = files.rename(join(dir, 'in/file'), join(dir, 'out'), { sandbox });
      await expect(out).rejects.toMatchObject(denied);
    });
  });
}
