import { ChangeSet } from '../files/change-set.js';
import type { FileChanges, FileWatcher } from '../files/types.js';
import { WireError } from '../protocol/errors.js';
import { serverNotifications } from '../protocol/methods.js';
import { parsePath } from '../protocol/paths.js';

/**
 * What a watch on a server sees. It goes on across cuts of the connection; after one, changes of the last minutes may be
 * told again. Throws the server's reason when there is nothing to watch any more, or what the session has ended with.
 * To be iterated once; leaving the loop early closes it.
 */
export class RemoteWatcher implements FileWatcher, AsyncIterator<FileChanges, undefined> {
  readonly #stop: () => Promise<void>;
  readonly #gathered = new ChangeSet();
  #end: { error?: Error } | undefined;
  #wake: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  /** `stop`: tells whoever feeds it that nothing more is wanted. */
  constructor(stop: () => Promise<void>) {
    this.#stop = stop;
  }

  /** Takes what came. */
  add(changes: FileChanges): void {
    if (this.#end) return;
    this.#gathered.add(changes);
    this.#wake();
  }

  /** What has come before is still handed out. */
  fail(error: Error): void {
    if (this.#end) return;
    this.#end = { error };
    this.#wake();
    this.#closing = this.#stop();
    this.#closing.catch(() => undefined); // told by `close`, if anybody asks
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FileChanges, undefined>> {
    for (;;) {
      if (!this.#gathered.empty) return { done: false, value: this.#gathered.take() };
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<FileChanges, undefined>> {
    await this.close();
    return { done: true, value: undefined };
  }

  close(): Promise<void> {
    this.#end ??= {};
    this.#gathered.take();
    this.#wake();
    this.#closing ??= this.#stop();
    return this.#closing;
  }
}

/** The watches of a client, by id: what is pushed finds its watcher here. */
export class RemoteWatchers {
  readonly #watchers = new Map<string, RemoteWatcher>();

  /** To be done before the server is asked: what it sees can overtake its answer. */
  register(watchId: string, stop: () => Promise<void>): RemoteWatcher {
    const watcher = new RemoteWatcher(() => {
      this.#watchers.delete(watchId);
      return stop();
    });
    this.#watchers.set(watchId, watcher);
    return watcher;
  }

  /** Hands on what is pushed. What does not fit the protocol, or is of a watch that is over, is nobody's. */
  deliver(params: unknown): void {
    const { success, data } = serverNotifications['fs/changed'].safeParse(params);
    const watcher = success ? this.#watchers.get(data.watchId) : undefined;
    if (!success || !watcher) return;
    const { changedPaths, overflow, error } = data;
    if (changedPaths.length > 0 || overflow) watcher.add({ changedPaths: changedPaths.map(parsePath), overflow });
    if (error) watcher.fail(WireError.fromWire(error));
  }

  failAll(error: Error): void {
    for (const watcher of [...this.#watchers.values()]) watcher.fail(error);
  }
}
