import { ChangeSet } from '../files/change-set.js';
import type { FileWatcher } from '../files/types.js';
import { encodeNotification } from '../protocol/envelope.js';
import { invalidRequest, toWireError, type WireError } from '../protocol/errors.js';
import { formatPath, type PathDialect } from '../protocol/paths.js';
import type { Channel } from '../rpc/channel.js';
import { CHANGES_IN_DOUBT_MS, MAX_WATCHES } from './limits.js';

/** What one watch has to tell, and how far it has got. */
interface Watch {
  readonly watchId: string;
  readonly dialect: PathDialect;
  readonly watching: Promise<FileWatcher>;
  readonly unsent: ChangeSet;
  /** Sent within the last CHANGES_IN_DOUBT_MS or so, in two halves, the older of which is forgotten next. */
  doubtful: [newer: ChangeSet, older: ChangeSet];
  doubtfulSince: number;
  /** Why it has ended. The watch stays, so that this can be told again after a cut, until the client stops it. */
  failure: WireError | undefined;
  failureTold: boolean;
  sending: boolean;
}

/** The watches of one session, and the telling of what they see to whatever connection is attached. */
export class WatchTable {
  readonly #watches = new Map<string, Watch>();
  #channel: Channel | undefined;
  #closed = false;

  /** Tells this channel what has happened meanwhile, what may have been lost on the way, and what happens from now on. */
  attach(channel: Channel): void {
    this.#channel = channel;
    for (const watch of this.#watches.values()) {
      for (const changes of watch.doubtful) watch.unsent.add(changes.take());
      watch.failureTold = false;
      void this.#send(watch);
    }
  }

  detach(): void {
    this.#channel = undefined;
  }

  /**
   * Watches something under an id of the client's choice. `answered` runs its argument once the answer to the request has
   * been sent: nothing is told before. Asked again while the first attempt is under way, as after a cut, it waits for that.
   */
  async start(
    { watchId, dialect }: Pick<Watch, 'watchId' | 'dialect'>,
    watch: () => Promise<FileWatcher>,
    answered: (tell: () => void) => void,
  ): Promise<void> {
    for (let other = this.#watches.get(watchId); other; other = this.#watches.get(watchId)) {
      if ((await succeeds(other.watching)) && this.#watches.get(watchId) === other) {
        throw invalidRequest('watch_exists', `watch \`${watchId}\` already exists`);
      }
    }
    if (this.#watches.size >= MAX_WATCHES) {
      const message = `this session has ${MAX_WATCHES} watches, which is the limit: end one with fs/unwatch first`;
      throw invalidRequest('limit_reached', message, { retryable: true });
    }
    await this.#add({ watchId, dialect }, watch, answered);
  }

  /** An id that nobody has is fine. Nothing is told of it any more. */
  async stop(watchId: string): Promise<void> {
    const watch = this.#watches.get(watchId);
    if (!watch) return;
    this.#watches.delete(watchId);
    await end(watch);
  }

  async closeAll(): Promise<void> {
    this.#closed = true;
    this.detach();
    const watches = [...this.#watches.values()];
    this.#watches.clear();
    // The client has gone: nobody is left to be told what went wrong.
    await Promise.allSettled(watches.map(end));
  }

  async #add(
    { watchId, dialect }: Pick<Watch, 'watchId' | 'dialect'>,
    begin: () => Promise<FileWatcher>,
    answered: (tell: () => void) => void,
  ): Promise<void> {
    const watch: Watch = {
      watchId,
      dialect,
      watching: begin(),
      unsent: new ChangeSet(),
      doubtful: [new ChangeSet(), new ChangeSet()],
      doubtfulSince: performance.now(),
      failure: undefined,
      failureTold: false,
      sending: false,
    };
    this.#watches.set(watchId, watch);
    let watcher: FileWatcher;
    try {
      watcher = await watch.watching;
    } catch (error) {
      if (this.#watches.get(watchId) === watch) this.#watches.delete(watchId);
      throw error;
    }
    if (this.#closed || !this.#has(watch)) await watcher.close();
    else answered(() => void this.#gather(watch, watcher));
  }

  /** Takes what the watcher sees as it comes; what cannot be sent yet is gathered here, within bounds. */
  async #gather(watch: Watch, watcher: FileWatcher): Promise<void> {
    try {
      for await (const changes of watcher) {
        watch.unsent.add(changes);
        void this.#send(watch);
      }
    } catch (error) {
      watch.failure = toWireError(error);
      void this.#send(watch);
    }
  }

  /** Sends what there is as soon as the attached channel has room; without one it waits for `attach`. */
  async #send(watch: Watch): Promise<void> {
    if (watch.sending) return;
    watch.sending = true;
    try {
      while (this.#has(watch) && this.#channel && hasNews(watch)) {
        const drained = this.#channel.drained();
        if (drained) await drained;
        else this.#sendNow(watch, this.#channel);
      }
    } finally {
      watch.sending = false;
    }
  }

  #sendNow(watch: Watch, channel: Channel): void {
    const { watchId, dialect, failure } = watch;
    if (!watch.unsent.empty) {
      const changes = watch.unsent.take();
      const changedPaths = changes.changedPaths.map((path) => formatPath(path, dialect));
      channel.send(encodeNotification('fs/changed', { watchId, changedPaths, overflow: changes.overflow }));
      keepInDoubt(watch).add(changes);
    } else if (failure) {
      const error = failure.toWire();
      channel.send(encodeNotification('fs/changed', { watchId, changedPaths: [], overflow: false, error }));
      watch.failureTold = true;
    }
  }

  #has(watch: Watch): boolean {
    return this.#watches.get(watch.watchId) === watch;
  }
}

function hasNews({ unsent, failure, failureTold }: Watch): boolean {
  return !unsent.empty || (failure !== undefined && !failureTold);
}

/** Where what is sent now is remembered. */
function keepInDoubt(watch: Watch): ChangeSet {
  const now = performance.now();
  if (now - watch.doubtfulSince > CHANGES_IN_DOUBT_MS) {
    watch.doubtful = [new ChangeSet(), watch.doubtful[0]];
    watch.doubtfulSince = now;
  }
  return watch.doubtful[0];
}

async function end({ watching }: Watch): Promise<void> {
  if (await succeeds(watching)) await (await watching).close();
}

function succeeds(promise: Promise<unknown>): Promise<boolean> {
  return promise.then(
    () => true,
    () => false,
  );
}
