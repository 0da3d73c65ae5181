import { setTimeout as delay } from 'node:timers/promises';
import { MISSING_POLL_MS, watchMissing } from '../files/missing-watch.js';
import type { FileChanges, FileOptions, FileSystem, FileWatcher } from '../files/types.js';
import { WireError } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';

type WatchOptions = FileOptions & { recursive?: boolean | undefined };

/** Watches what is at a path; where nothing is yet, waits for it, reports the path when it comes, and goes on from there. */
export async function watchWhenThere(
  files: FileSystem,
  path: NativePath,
  options: WatchOptions = {},
): Promise<FileWatcher> {
  const watcher = await watchIfThere(files, path, options);
  if (watcher) return watcher;
  // What cannot be waited for is refused now, not in the stream: a place that the sandbox hides, for one.
  await (await watchMissing(files, { missing: [path] }, termsOf(options)))?.close();
  return new AppearingWatcher(files, path, options);
}

class AppearingWatcher implements FileWatcher {
  readonly #files: FileSystem;
  readonly #path: NativePath;
  readonly #options: WatchOptions;
  readonly #ending = new AbortController();
  readonly #closed: Promise<void>;
  #watcher: FileWatcher | undefined;

  constructor(files: FileSystem, path: NativePath, options: WatchOptions) {
    this.#files = files;
    this.#path = path;
    this.#options = options;
    this.#closed = new Promise((resolve) => {
      this.#ending.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FileChanges, void> {
    const { signal } = this.#ending;
    for (let inVain = 0; !signal.aborted; ) {
      this.#watcher = await watchIfThere(this.#files, this.#path, this.#options);
      if (signal.aborted) await this.#watcher?.close(); // closed while it was being started
      if (signal.aborted) return;
      if (this.#watcher) {
        yield { changedPaths: [this.#path], overflow: false };
        yield* this.#watcher;
        return;
      }
      inVain = (await this.#appearance()) ? 0 : inVain + 1;
      // Neither there nor to be waited for, twice: a file is where a directory would have to be.
      if (inVain > 1) await delay(MISSING_POLL_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#watcher?.close();
  }

  /** Resolves when it is time to try again. False when there was nothing to wait for: it may be there by now. */
  async #appearance(): Promise<boolean> {
    const watch = await watchMissing(this.#files, { missing: [this.#path] }, termsOf(this.#options));
    if (!watch) return false;
    await Promise.race([watch.changed, this.#closed]);
    await watch.close();
    return true;
  }
}

async function watchIfThere(
  files: FileSystem,
  path: NativePath,
  options: WatchOptions,
): Promise<FileWatcher | undefined> {
  try {
    return await files.watch(path, options);
  } catch (error) {
    if (error instanceof WireError && error.kind === 'not_found') return undefined;
    throw error;
  }
}

/** Only what is wanted is watched to its depth, not the directory in which it will appear. */
function termsOf({ sandbox, followSymlinks }: WatchOptions): FileOptions {
  return { sandbox, followSymlinks };
}
