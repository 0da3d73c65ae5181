import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../../../test/harness/index.js';
import { sandbox } from '../../../test/processes/sandboxes.js';
import { LocalFileSystem } from '../../files/local/local-file-system.js';
import type { FileSystem } from '../../files/types.js';
import { formatTree, listTree } from './list-tree.js';
import { readLines } from './read-lines.js';
import type { Workspace } from './workspace.js';
import { writeText } from './write-text.js';

function workspace(rest: Partial<Workspace> = {}): Workspace {
  return { files: new LocalFileSystem(), cwd: scratchDirectory(), sandbox: undefined, ...rest };
}

test('lines are numbered as cat -n does, and a part of them says how to read on', async () => {
  const place = workspace();
  writeFileSync(join(place.cwd, 'f'), '\ufeffone\r\ntwo\n\nfour');
  expect(await readLines(place, { path: 'f' })).toBe('     1\tone\n     2\ttwo\n     3\t\n     4\tfour');
  expect(await readLines(place, { path: './f', offset: 2, limit: 1 })).toBe(
    '     2\ttwo\n[There are more lines: read on with offset=3]',
  );
  expect(await readLines(place, { path: 'f', offset: 4, limit: 1 })).toBe('     4\tfour');
  await expect(readLines(place, { path: 'f', offset: 5 })).rejects.toMatchObject({
    code: 'file_refused',
    message: `${place.cwd}/f has 4 lines: expected an offset of at most 4, got 5.`,
  });
});

test('an empty file says that it is', async () => {
  const place = workspace();
  writeFileSync(join(place.cwd, 'f'), '');
  expect(await readLines(place, { path: 'f' })).toBe(`[${place.cwd}/f is empty]`);
});

test('of a large file no more is shown than a model can take, and no more is read than needed', async () => {
  const place = workspace();
  const file = join(place.cwd, 'f');
  writeFileSync(file, `${'x'.repeat(3_000_000)}\n${'some line\n'.repeat(500_000)}`);
  const shown = await readLines(place, { path: file, limit: 100_000 });
  expect(shown).toMatch(/^ {5}1\tx{2000}\[… 2998000 more characters\]\n {5}2\tsome line\n/);
  expect(shown.length).toBeLessThan(80_000);
  const next = /offset=(\d+)\]$/.exec(shown)?.[1];
  expect(await readLines(place, { path: file, offset: Number(next), limit: 1 })).toContain(`${next}\tsome line`);
});

test.each([
  ['a NUL byte', Buffer.from('text\0text')],
  ['Latin-1', Buffer.from([0x61, 0xe9, 0x62, 0x0a])],
  ['half a character at the end', Buffer.from([0x61, 0xc3])],
])('a file with %s is no text, which is said with its size', async (_, content) => {
  const place = workspace();
  writeFileSync(join(place.cwd, 'f'), content);
  await expect(readLines(place, { path: 'f' })).rejects.toThrow(
    `${place.cwd}/f is not UTF-8 text. It has ${content.length} bytes. Look at it with a program`,
  );
});

test('a character that two blocks share is one character', async () => {
  const place = workspace();
  writeFileSync(join(place.cwd, 'f'), `${'x'.repeat(512 * 1024 - 1)}é\nend`);
  expect(await readLines(place, { path: 'f', offset: 2 })).toBe('     2\tend');
});

test('a file is written with its directories, keeps its mode, and says whether it was there', async () => {
  const place = workspace();
  expect(await writeText(place, 'a/b/f', 'é')).toEqual({ path: `${place.cwd}/a/b/f`, bytes: 2, created: true });
  chmodSync(join(place.cwd, 'a/b/f'), 0o755);
  expect(await writeText(place, 'a/b/f', 'new')).toMatchObject({ bytes: 3, created: false });
  expect(readFileSync(join(place.cwd, 'a/b/f'), 'utf8')).toBe('new');
  expect(statSync(join(place.cwd, 'a/b/f')).mode & 0o777).toBe(0o755);
  await expect(writeText(place, 'g', 'half a character: \ud800')).rejects.toMatchObject({ kind: 'invalid_input' });
});

test('where nothing can be written atomically it is written in place', async () => {
  const files = new LocalFileSystem();
  const unsupported = Object.assign(new Error('not supported'), { code: 'unsupported' });
  const inPlace: Partial<FileSystem> = {
    getMetadata: files.getMetadata.bind(files),
    createDirectory: files.createDirectory.bind(files),
    writeFile: (path, data, options) =>
      options?.atomic ? Promise.reject(unsupported) : files.writeFile(path, data, options),
  };
  const place = workspace({ files: inPlace as FileSystem });
  await writeText(place, 'a/f', 'x');
  expect(readFileSync(join(place.cwd, 'a/f'), 'utf8')).toBe('x');
});

test('a directory is listed by name, with kinds and sizes, as deep as it is asked for', async () => {
  const place = workspace();
  mkdirSync(join(place.cwd, 'a/b'), { recursive: true });
  for (const [name, content] of [
    ['a-z', '1'],
    ['a/b/c', '22'],
    ['B', ''],
  ] as const)
    writeFileSync(join(place.cwd, name), content);
  symlinkSync('a', join(place.cwd, 'to-a'));
  symlinkSync('nowhere', join(place.cwd, 'to-nothing'));
  execFileSync('mkfifo', [join(place.cwd, 'fifo')]);
  expect(formatTree(await listTree(place, {}))).toBe(
    `${place.cwd}:\nB (0 bytes)\na/\na-z (1 bytes)\nfifo (not a file)\nto-a (link)`,
  );
  const { entries, truncated } = await listTree(place, { path: '.', depth: 9 });
  expect(truncated).toBe(false);
  expect(entries.map(({ path }) => path)).toEqual(['B', 'a', 'a/b', 'a/b/c', 'a-z', 'fifo', 'to-a']);
  expect(entries[3]).toEqual({ path: 'a/b/c', type: 'file', size: 2 });
});

test('of a tree that is too large what is deepest is left out, and that is said', async () => {
  const place = workspace();
  for (const name of ['a/x/y', 'b/x/y']) mkdirSync(join(place.cwd, name), { recursive: true });
  const tree = await listTree(place, { depth: 9, limit: 3 });
  expect(tree.entries.map(({ path }) => path)).toEqual(['a', 'a/x', 'b']);
  expect(formatTree(tree)).toContain('[There is more than these 3 entries: ');
  expect((await listTree(place, { depth: 2, limit: 4 })).truncated).toBe(false);
});

test('an empty directory says that it is; one that may not be read says why, and the rest is listed', async () => {
  const place = workspace();
  expect(formatTree(await listTree(place, {}))).toBe(`${place.cwd}:\n[The directory is empty]`);
  mkdirSync(join(place.cwd, 'secret/x'), { recursive: true });
  mkdirSync(join(place.cwd, 'open/x'), { recursive: true });
  const policy = sandbox({ ':root': 'read', [join(place.cwd, 'secret')]: 'none' });
  const tree = await listTree({ ...place, sandbox: policy }, { depth: 2 });
  expect(tree.entries.map(({ path }) => path)).toEqual(['open', 'open/x', 'secret']);
  await expect(listTree({ ...place, sandbox: policy }, { path: 'secret' })).rejects.toMatchObject({
    kind: 'sandbox_denied',
  });
});

test('thousands of files are listed in several batches', async () => {
  const place = workspace();
  for (let i = 0; i < 2_500; i++) writeFileSync(join(place.cwd, `f${i}`), '');
  const tree = await listTree(place, { limit: 5_000 });
  expect(tree.entries).toHaveLength(2_500);
  expect(tree.entries.every(({ type }) => type === 'file')).toBe(true);
});
