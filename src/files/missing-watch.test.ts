import { appendFileSync, mkdirSync, rmdirSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atEnd } from '../../test/harness/cleanup.js';
import { scratchDirectory } from '../../test/harness/scratch.js';
import { until } from '../../test/harness/until.js';
import { invalidRequest } from '../protocol/errors.js';
import type { SandboxContext } from '../protocol/sandbox.js';
import { LocalFileSystem } from './local/local-file-system.js';
import { watchMissing } from './missing-watch.js';
import type { FileSystem } from './types.js';

const local = new LocalFileSystem();
/** As a real server's: there is no fs/watch. */
class Unwatchable extends LocalFileSystem {
  override watch(): Promise<never> {
    return Promise.reject(invalidRequest('capability_unavailable', 'no fs/watch'));
  }
}

interface Change {
  what: string;
  prepare?(at: string): void;
  missing: string[];
  present?: string;
  change(at: string): void;
}

const CHANGES: Change[] = [
  { what: 'a file appears', missing: ['a'], change: (at) => writeFileSync(join(at, 'a'), '') },
  { what: 'one of several appears', missing: ['a', 'b/c'], change: (at) => mkdirSync(join(at, 'b')) },
  { what: 'a directory on the way appears', missing: ['x/y/z'], change: (at) => mkdirSync(join(at, 'x')) },
  {
    what: 'the directory that it would appear in goes',
    prepare: (at) => mkdirSync(join(at, 'p')),
    missing: ['p/k'],
    change: (at) => rmdirSync(join(at, 'p')),
  },
  {
    what: 'what is present instead changes',
    prepare: (at) => writeFileSync(join(at, 'here'), '1'),
    missing: ['a'],
    present: 'here',
    change: (at) => appendFileSync(join(at, 'here'), '2'),
  },
  {
    what: 'what is present instead goes',
    prepare: (at) => writeFileSync(join(at, 'here'), ''),
    missing: ['a'],
    present: 'here',
    change: (at) => unlinkSync(join(at, 'here')),
  },
];

function at(directory: string, { missing, present }: Pick<Change, 'missing' | 'present'>) {
  return {
    missing: missing.map((path) => join(directory, path)),
    present: present === undefined ? undefined : join(directory, present),
  };
}

async function start(files: FileSystem, paths: ReturnType<typeof at>) {
  const watch = await watchMissing(files, paths);
  if (!watch) throw new Error('there is nothing to wait for');
  atEnd(() => watch.close());
  let told = false;
  void watch.changed.then(() => {
    told = true;
  });
  return { watch, told: () => told };
}

describe.each([
  ['watched', local],
  ['polled', new Unwatchable()],
])('where directories are %s', (_how, files) => {
  test.each(CHANGES)('it is told when $what', async ({ prepare, change, ...paths }) => {
    const directory = scratchDirectory();
    prepare?.(directory);
    const { told } = await start(files, at(directory, paths));
    change(directory);
    await until(told, { what: 'the change' });
  });

  test('what else happens in the directory is not told', async () => {
    const directory = scratchDirectory();
    const first = await start(files, at(directory, { missing: ['a'], present: '.' }));
    const second = await start(files, at(directory, { missing: ['other'] }));
    writeFileSync(join(directory, 'other'), '');
    await until(second.told, { what: 'the change that the second waits for' });
    expect(first.told()).toBe(false);
    writeFileSync(join(directory, 'a'), '');
    await until(first.told, { what: 'the change that the first waits for' });
  });

  test('nothing is told after close', async () => {
    const directory = scratchDirectory();
    const closed = await start(files, at(directory, { missing: ['a'] }));
    const open = await start(files, at(directory, { missing: ['a'] }));
    await closed.watch.close();
    writeFileSync(join(directory, 'a'), '');
    await until(open.told, { what: 'the change' });
    expect(closed.told()).toBe(false);
  });

  test.each([
    ['something is there', ['file'], undefined],
    ['what is above is a file', ['file/x'], undefined],
    ['nothing is where something should be', ['a'], 'gone'],
  ])('there is nothing to wait for when %s', async (_what, missing, present) => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'file'), '');
    expect(await watchMissing(files, at(directory, { missing, ...(present && { present }) }))).toBeUndefined();
  });
});

test('a link that leads nowhere is told where directories are watched', async () => {
  const directory = scratchDirectory();
  const { told } = await start(local, at(directory, { missing: ['a'] }));
  symlinkSync('nowhere', join(directory, 'a'));
  await until(told, { what: 'the link' });
});

test('a path is waited for that may be read in a directory that may not; what may not be read is refused', async () => {
  const directory = scratchDirectory();
  const mayRead = { path: { type: 'path', path: join(directory, 'a') }, access: 'read' } as const;
  const sandbox: SandboxContext = {
    permissions: { type: 'managed', fileSystem: { type: 'restricted', entries: [mayRead] }, network: 'restricted' },
  };
  await expect(watchMissing(local, { missing: [join(directory, 'b')] }, { sandbox })).rejects.toMatchObject({
    kind: 'sandbox_denied',
  });
  const watch = await watchMissing(local, { missing: [join(directory, 'a')] }, { sandbox });
  atEnd(() => watch?.close());
  writeFileSync(join(directory, 'a'), '');
  await watch?.changed;
  expect(watch).toBeDefined();
});

test('what appears while the watches are being set is seen', async () => {
  const directory = scratchDirectory();
  class Late extends LocalFileSystem {
    override watch(...params: Parameters<LocalFileSystem['watch']>) {
      writeFileSync(join(directory, 'a'), '');
      return super.watch(...params);
    }
  }
  expect(await watchMissing(new Late(), at(directory, { missing: ['a'] }))).toBeUndefined();
});

test('what cannot even be looked at is an error', async () => {
  await expect(watchMissing(local, { missing: [`/${'n'.repeat(300)}`] })).rejects.toThrow('too long');
});
