import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { atEnd } from '../../test/harness/cleanup.js';
import { scratchDirectory } from '../../test/harness/scratch.js';
import { LocalFileSystem } from '../files/local/local-file-system.js';
import type { FileWatcher } from '../files/types.js';
import { watchWhenThere } from './watch-when-there.js';

/** Resolves when the watcher has told of the path. */
async function told(watcher: FileWatcher, path: string): Promise<void> {
  for await (const { changedPaths } of watcher) if (changedPaths.includes(path)) return;
  throw new Error(`the watch ended before it told of ${path}`);
}

test('a tree that comes is watched to its depth, and the directory that it comes in is not', async () => {
  const watched: [path: string, recursive: boolean][] = [];
  class Recording extends LocalFileSystem {
    override watch(...[path, options]: Parameters<LocalFileSystem['watch']>) {
      watched.push([path, options?.recursive ?? false]);
      return super.watch(path, options);
    }
  }
  const at = scratchDirectory();
  const tree = join(at, 'tree');
  const watcher = await watchWhenThere(new Recording(), tree, { recursive: true });
  atEnd(() => watcher.close());
  mkdirSync(join(at, 'new/a/b'), { recursive: true });
  renameSync(join(at, 'new'), tree);
  const seen: string[] = [];
  for await (const { changedPaths } of watcher) {
    seen.push(...changedPaths);
    if (seen.length === 1) writeFileSync(join(tree, 'a/b/f'), '');
    if (seen.includes(join(tree, 'a/b/f'))) break;
  }
  expect(seen[0]).toBe(tree);
  expect(watched).toContainEqual([tree, true]);
  expect(watched).not.toContainEqual([at, true]);
});

test('a watch that still waits ends when it is closed', async () => {
  const watcher = await watchWhenThere(new LocalFileSystem(), join(scratchDirectory(), 'a/b'));
  const ended = told(watcher, 'nothing').catch((error: Error) => error.message);
  await watcher.close();
  expect(await ended).toContain('the watch ended');
});

test('what comes before anybody listens is told', async () => {
  const path = join(scratchDirectory(), 'a');
  const watcher = await watchWhenThere(new LocalFileSystem(), path);
  atEnd(() => watcher.close());
  writeFileSync(path, '');
  await told(watcher, path);
});
