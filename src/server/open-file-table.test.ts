import { expect, test } from 'vitest';
import { deferred } from '../../test/harness/index.js';
import type { OpenFile } from '../files/types.js';
import { MAX_OPEN_FILES } from './limits.js';
import { OpenFileTable } from './open-file-table.js';

/** A file that notes what happens to it. */
function noting(notes: string[], name = 'file'): OpenFile {
  return {
    readBlock: async () => ({ chunk: Buffer.from(name), eof: false }),
    writeBlock: async () => undefined,
    close: async () => void notes.push(`${name} closed`),
  };
}

const read = (table: OpenFileTable, id: string) => table.use(id, (file) => file.readBlock(0, 1));

test('what is asked of one file is done in the order of asking, and files do not wait for each other', async () => {
  const table = new OpenFileTable();
  const notes: string[] = [];
  await table.open('a', async () => noting(notes, 'a'));
  await table.open('b', async () => noting(notes, 'b'));
  const slow = deferred<void>();
  const first = table.use('a', async () => {
    await slow.promise;
    notes.push('a1');
  });
  const second = table.use('a', async () => void notes.push('a2'));
  const closed = table.close('a');
  await table.use('b', async () => void notes.push('b1'));
  expect(notes).toEqual(['b1']);
  slow.resolve();
  await Promise.all([first, second, closed]);
  expect(notes).toEqual(['b1', 'a1', 'a2', 'a closed']);
});

test('one that fails is told to whoever asked for it, and the next is done all the same', async () => {
  const table = new OpenFileTable();
  await table.open('a', async () => noting([]));
  const failing = table.use('a', () => Promise.reject(new Error('disk full')));
  const next = read(table, 'a');
  await expect(failing).rejects.toThrow('disk full');
  expect((await next).chunk.toString()).toBe('file');
});

test('a block can be asked for before the answer to open', async () => {
  const table = new OpenFileTable();
  const file = deferred<OpenFile>();
  const opened = table.open('a', () => file.promise);
  const block = read(table, 'a');
  file.resolve(noting([]));
  await opened;
  expect((await block).chunk.toString()).toBe('file');
});

test('when opening fails there is no such handle, for those who asked already neither', async () => {
  const table = new OpenFileTable();
  const file = deferred<OpenFile>();
  const opened = table.open('a', () => file.promise);
  const block = read(table, 'a');
  file.reject(new Error('not found'));
  await expect(opened).rejects.toThrow('not found');
  await expect(block).rejects.toMatchObject({ code: -32004, message: 'unknown file handle `a`' });
  await expect(read(table, 'a')).rejects.toMatchObject({ code: -32004, kind: 'unknown_handle' });
});

test('an id in use is refused, and free again once closed', async () => {
  const table = new OpenFileTable();
  await table.open('a', async () => noting([]));
  const again = table.open('a', async () => noting([], 'other'));
  await expect(again).rejects.toMatchObject({ code: -32600, message: 'file handle `a` already exists' });
  await table.close('a');
  await table.open('a', async () => noting([], 'other'));
  expect((await read(table, 'a')).chunk.toString()).toBe('other');
});

test('opening that is asked for again meanwhile waits for the outcome of the first', async () => {
  const table = new OpenFileTable();
  const [good, bad] = [deferred<OpenFile>(), deferred<OpenFile>()];
  const first = table.open('good', () => good.promise);
  const repeat = table.open('good', () => Promise.reject(new Error('opened twice')));
  good.resolve(noting([]));
  await first;
  await expect(repeat).rejects.toMatchObject({ kind: 'handle_exists' });

  const failing = table.open('bad', () => bad.promise);
  const retry = table.open('bad', () => Promise.reject(new Error('the true reason')));
  bad.reject(new Error('the true reason'));
  await expect(failing).rejects.toThrow('the true reason');
  await expect(retry).rejects.toThrow('the true reason');
});

test('a session has so many files open and no more; failed and closed ones do not count', async () => {
  const table = new OpenFileTable();
  for (let i = 0; i < MAX_OPEN_FILES; i++) await table.open(String(i), async () => noting([]));
  await expect(table.open('more', async () => noting([]))).rejects.toMatchObject({ kind: 'limit_reached' });
  await table.close('0');
  await expect(table.open('failing', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await table.open('more', async () => noting([]));
});

test('closing what nobody has open is fine', async () => {
  await new OpenFileTable().close('none');
});

test('the end of the session closes all, those too that are being opened', async () => {
  const table = new OpenFileTable();
  const notes: string[] = [];
  const late = deferred<OpenFile>();
  await table.open('a', async () => noting(notes, 'a'));
  const opening = table.open('b', () => late.promise);
  const closed = table.closeAll();
  late.resolve(noting(notes, 'b'));
  await Promise.all([opening, closed]);
  await table.open('c', async () => noting(notes, 'c'));
  expect(new Set(notes)).toEqual(new Set(['a closed', 'b closed', 'c closed']));
});
