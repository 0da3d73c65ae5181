import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { FileOperation } from '../types.js';
import { batch } from './batch.js';
import { LocalFileSystem } from './local-file-system.js';

const files = new LocalFileSystem();

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'batch-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

it('carries out every kind of operation, each on what those before it left', async () => {
  const directory = await temporaryDirectory();
  const at = (name: string) => join(directory, name);
  const results = await batch(files, [
    { op: 'createDirectory', path: at('d/e'), recursive: true },
    { op: 'writeFile', path: at('d/e/f'), data: Buffer.from('one') },
    { op: 'copy', source: at('d'), destination: at('copied'), recursive: true },
    { op: 'rename', source: at('copied/e/f'), destination: at('moved') },
    { op: 'remove', path: at('d') },
    { op: 'readFile', path: at('moved') },
    { op: 'getMetadata', path: at('moved') },
    { op: 'readDirectory', path: directory },
    { op: 'writeFile', path: at('moved'), data: Buffer.from('two'), atomic: true },
  ]);
  expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'ok'));
  const [, , , , , content, metadata, entries] = results.map((result) =>
    result.status === 'ok' ? result.value : null,
  );
  expect(content).toEqual(Buffer.from('one'));
  expect(metadata).toMatchObject({ isFile: true, size: 3 });
  expect((entries as { fileName: string }[]).map(({ fileName }) => fileName).sort()).toEqual(['copied', 'moved']);
  expect(await readFile(at('moved'), 'utf8')).toBe('two');
});

it('stops at the first failure, and says what it skipped', async () => {
  const directory = await temporaryDirectory();
  const results = await batch(files, failingSecond(directory));
  expect(results).toMatchObject([
    { status: 'ok' },
    { status: 'failed', error: { kind: 'not_found' } },
    { status: 'skipped' },
  ]);
  await expect(readFile(join(directory, 'c'))).rejects.toThrow('ENOENT');
});

it('goes on after a failure when told to', async () => {
  const directory = await temporaryDirectory();
  const results = await batch(files, failingSecond(directory), { stopOnError: false });
  expect(results.map(({ status }) => status)).toEqual(['ok', 'failed', 'ok']);
  expect(await readFile(join(directory, 'c'), 'utf8')).toBe('c');
});

it('works under the sandbox that it is given', async () => {
  const directory = await temporaryDirectory();
  const sandbox = {
    permissions: {
      type: 'managed',
      network: 'restricted',
      fileSystem: {
        type: 'restricted',
        entries: [{ path: { type: 'special', value: { kind: 'root' } }, access: 'read' }],
      },
    },
  } as const;
  const [result] = await batch(files, [{ op: 'writeFile', path: join(directory, 'f'), data: Buffer.from('x') }], {
    sandbox,
  });
  expect(result).toMatchObject({ status: 'failed', error: { kind: 'sandbox_denied' } });
});

function failingSecond(directory: string): FileOperation[] {
  return [
    { op: 'writeFile', path: join(directory, 'a'), data: Buffer.from('a') },
    { op: 'readFile', path: join(directory, 'b') },
    { op: 'writeFile', path: join(directory, 'c'), data: Buffer.from('c') },
  ];
}
