import { type MissingWatch, watchMissing } from '../files/missing-watch.js';
import type { FileSystem } from '../files/types.js';
import { encodeNotification } from '../protocol/envelope.js';
import type { NativePath } from '../protocol/paths.js';
import type { Channel } from '../rpc/channel.js';
import { CHANGES_IN_DOUBT_MS, MAX_MISSING_PATHS, MAX_WATCHES } from './limits.js';

export interface MissingWatchParams {
  watchId: number;
  missing: readonly NativePath[];
  present?: NativePath | undefined;
}

/** The `fs/watchMissing` of one session, and the telling of whatever connection is attached. */
export class MissingWatchTable {
  /** Undefined while it is being looked whether there is something to wait for. */
  readonly #watches = new Map<number, MissingWatch | undefined>();
  /** Those that have come true, and when the client was told: a notification may be lost with its connection. */
  readonly #due = new Map<number, number | undefined>();
  #channel: Channel | undefined;
  #closed = false;

  /** Tells this channel what came true without it, and what may have been lost on the way. */
  attach(channel: Channel): void {
    this.#channel = channel;
    // The answer to `initialize` goes first: it is sent in the microtasks after this.
    setImmediate(() => {
      for (const watchId of this.#due.keys()) this.#tell(watchId);
    });
  }

  detach(): void {
    this.#channel = undefined;
  }

  /**
   * False when the client has to look for itself: something is there already, the id is taken or cannot be told exactly, or
   * it is too much. `answered` runs its argument once the answer has been sent. Throws a WireError when nothing can be seen.
   */
  async start(
    files: FileSystem,
    { watchId, missing, present }: MissingWatchParams,
    answered: (follow: () => void) => void,
  ): Promise<boolean> {
    const paths = missing.length + (present === undefined ? 0 : 1);
    if (missing.length === 0 || paths > MAX_MISSING_PATHS || this.#watches.size >= MAX_WATCHES) return false;
    if (this.#watches.has(watchId) || !Number.isSafeInteger(watchId)) return false;
    this.#watches.set(watchId, undefined);
    const watch = await watchMissing(files, { missing, present }).catch((error: unknown) => {
      this.#watches.delete(watchId);
      throw error;
    });
    if (!watch || this.#closed) {
      this.#watches.delete(watchId);
      await watch?.close();
      return false;
    }
    this.#watches.set(watchId, watch);
    this.#due.delete(watchId); // an id may be used again once its watch has come true
    answered(() => void watch.changed.then(() => this.#cameTrue(watchId)));
    return true;
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    this.detach();
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    this.#due.clear();
    await Promise.all(watches.map((watch) => watch?.close()));
  }

  #cameTrue(watchId: number): void {
    if (this.#closed) return;
    this.#watches.delete(watchId);
    this.#due.set(watchId, undefined);
    this.#tell(watchId);
  }

  #tell(watchId: number): void {
    this.#forgetOld();
    if (!this.#channel || !this.#due.has(watchId)) return;
    this.#channel.send(encodeNotification('fs/missingChanged', { watchId }));
    this.#due.set(watchId, performance.now());
  }

  /** Told so long ago that it has arrived, or too many to remember; one that was never told is kept. */
  #forgetOld(): void {
    for (const [watchId, toldAt] of this.#due) {
      if (toldAt === undefined) continue;
      const arrived = performance.now() - toldAt > CHANGES_IN_DOUBT_MS;
      if (arrived || this.#due.size > MAX_WATCHES) this.#due.delete(watchId);
    }
  }
}
