import { expect, test } from 'vitest';
import { partialFiles } from '../../../test/harness/index.js';
import type { BatchOptions, FileOperation, FileOperationResult } from '../../files/types.js';
import { invalidRequest } from '../../protocol/errors.js';
import { BatchRun } from './batch-run.js';

const MIB = 1024 * 1024;
const read = (path: string): FileOperation => ({ op: 'readFile', path });
const write = (path: string): FileOperation => ({ op: 'writeFile', path, data: Buffer.from('x') });

/** A file system of so large files. Notes the batches that it is handed, as `op path`. */
function sized(sizes: Record<string, number>) {
  const batches: string[][] = [];
  const batch = async (operations: readonly FileOperation[], { stopOnError }: BatchOptions = {}) => {
    const done: string[] = [];
    batches.push(done);
    let stopped = false;
    return operations.map((operation): FileOperationResult => {
      if (stopped || !('path' in operation)) return { status: 'skipped' };
      done.push(`${operation.op} ${operation.path}`);
      const size = sizes[operation.path] ?? 1;
      if (operation.op === 'readDirectory') {
        const entry = (_: unknown, i: number) => ({ fileName: `${i}`, isDirectory: false, isFile: true });
        return { status: 'ok', value: Array.from({ length: size }, entry) };
      }
      if (operation.op !== 'readFile') return { status: 'ok', value: undefined };
      if (size >= 0 && size <= (operation.maxBytes ?? Number.POSITIVE_INFINITY)) {
        return { status: 'ok', value: Buffer.alloc(size) };
      }
      stopped = stopOnError ?? true;
      const error = size < 0 ? invalidRequest('not_found', 'none') : invalidRequest('too_large', 'too large');
      return { status: 'failed', error };
    });
  };
  return { files: partialFiles({ batch }), batches };
}

const statuses = (results: { status: string }[]) => results.map(({ status }) => status);

test('a patch goes to the file system in one piece', async () => {
  const { files, batches } = sized({});
  const patch = [read('/a'), write('/a'), read('/b'), write('/b')];
  const results = await new BatchRun(files, patch, {}).results();
  expect(results).toEqual([
    { status: 'ok', value: { dataBase64: 'AA==' } },
    { status: 'ok', value: undefined },
    { status: 'ok', value: { dataBase64: 'AA==' } },
    { status: 'ok', value: undefined },
  ]);
  expect(batches).toHaveLength(1);
});

test('a large file is read by itself, and nothing behind it is done before or twice', async () => {
  const { files, batches } = sized({ '/big': 20 * MIB });
  const results = await new BatchRun(files, [write('/a'), read('/big'), write('/b')], {}).results();
  expect(statuses(results)).toEqual(['ok', 'ok', 'ok']);
  expect(batches).toEqual([['writeFile /a', 'readFile /big'], ['readFile /big'], ['writeFile /b']]);
});

test('what does not fit into the answer any more fails, and nothing behind it is done', async () => {
  const { files, batches } = sized({ '/one': 40 * MIB, '/two': 40 * MIB });
  const results = await new BatchRun(files, [read('/one'), read('/two'), write('/b')], {}).results();
  expect(statuses(results)).toEqual(['ok', 'failed', 'skipped']);
  expect(results[1]).toMatchObject({ error: { data: { kind: 'too_large' }, message: /another batch/ } });
  expect(batches.flat()).not.toContain('writeFile /b');
});

test('so does a directory', async () => {
  const { files, batches } = sized({ '/d': 600_000, '/e': 600_000 });
  const list = (path: string): FileOperation => ({ op: 'readDirectory', path });
  const results = await new BatchRun(files, [list('/d'), list('/e'), write('/b')], {}).results();
  expect(statuses(results)).toEqual(['ok', 'failed', 'skipped']);
  expect(batches.flat()).not.toContain('writeFile /b');
});

test('a limit that the caller has set is the reason why a file is too large', async () => {
  const { files } = sized({ '/big': 20 * MIB });
  const results = await new BatchRun(files, [{ op: 'readFile', path: '/big', maxBytes: 10 }], {}).results();
  expect(results).toMatchObject([{ status: 'failed', error: { message: 'too large' } }]);
});

test('the first failure stops the batch, unless it is told to go on', async () => {
  const { files } = sized({ '/none': -1 });
  const operations = [read('/a'), read('/none'), read('/b')];
  expect(statuses(await new BatchRun(files, operations, {}).results())).toEqual(['ok', 'failed', 'skipped']);
  const going = await new BatchRun(files, operations, { stopOnError: false }).results();
  expect(statuses(going)).toEqual(['ok', 'failed', 'ok']);
});
