import type { NativePath } from '../../protocol/paths.js';
import type { FileChanges, FileWatcher } from '../types.js';
import type { Access } from './access.js';
import { ChangeQueue } from './change-queue.js';
import { errnoOf } from './os-error.js';
import { TreeWatch } from './tree-watch.js';

/**
 * Watches a file, or a directory: the names in it and, if `recursive`, those below, links not followed. `path` must exist.
 * When what it leads to is removed or replaced, `path` is reported and the watch goes on with what is there next, whenever
 * that comes. Paths that the access does not let be read are not reported, and what is below a directory that is gone not
 * always one by one. It ends with a WireError when there are too many directories or no watches left on this machine.
 */
export async function watch(
  access: Access,
  path: NativePath,
  { recursive = false }: { recursive?: boolean | undefined } = {},
): Promise<FileWatcher> {
  const changes = new ChangeQueue();
  const tree = new TreeWatch({ access, path, recursive, changes });
  await tree.start();
  return new LocalFileWatcher(tree, changes, (changed) => mayBeTold(access, path, changed));
}

class LocalFileWatcher implements FileWatcher {
  readonly #tree: TreeWatch;
  readonly #changes: ChangeQueue;
  readonly #mayBeTold: (path: NativePath) => Promise<boolean>;

  constructor(tree: TreeWatch, changes: ChangeQueue, mayBeTold: (path: NativePath) => Promise<boolean>) {
    this.#tree = tree;
    this.#changes = changes;
    this.#mayBeTold = mayBeTold;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FileChanges, void> {
    for (;;) {
      const changes = await this.#changes.take();
      if (!changes) return;
      const changedPaths: NativePath[] = [];
      for (const path of changes.changedPaths) if (await this.#mayBeTold(path)) changedPaths.push(path);
      if (changedPaths.length > 0 || changes.overflow) yield { ...changes, changedPaths };
    }
  }

  async close(): Promise<void> {
    this.#changes.close();
    await this.#tree.close();
  }
}

async function mayBeTold(access: Access, root: NativePath, path: NativePath): Promise<boolean> {
  if (path === root) return true;
  try {
    (await access.name(path, 'read')).release();
    return true;
  } catch (error) {
    // Where even the directory is gone there is nothing to hide: it could be read when the change was seen. What the
    // access itself refuses has no errno.
    return errnoOf(error) !== undefined;
  }
}
