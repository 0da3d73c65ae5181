import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../harness/index.js';
import { openPlace, type Place } from './places.js';

/** What holds of files wherever they are. All places under test share this machine's disk. */
export function filesBehave(place: Place): void {
  const open = async () => ({ files: openPlace(place).files, dir: scratchDirectory() });

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
}
