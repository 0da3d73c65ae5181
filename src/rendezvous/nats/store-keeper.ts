import { setTimeout as delay } from 'node:timers/promises';
import type { NatsConnection } from 'nats';
import { RendezvousError } from '../errors.js';
import type { RendezvousLog } from '../log.js';
import { RESTORE_INTERVAL_MS, RESTORE_RETRY_MS } from './limits.js';
import { type Reach, sharedAbort, unlessAborted } from './reach.js';
import { clusterUnreachable, openStore, type Store } from './store.js';

/** Holds the store while it can be reached, and sees to it that it is whole again when it was not. */
export class StoreKeeper {
  readonly #nats: NatsConnection;
  readonly #reach: Reach;
  readonly #log: RendezvousLog;
  #store: Store | undefined;
  /** When it was created: another time tells that it was lost meanwhile. */
  #createdAt: string;
  #restore: ((shared: 'kept' | 'lost') => Promise<void>) | undefined;
  #isSettling = false;
  readonly #closed = sharedAbort();
  #timer: NodeJS.Timeout | undefined;

  private constructor(nats: NatsConnection, reach: Reach, store: Store, log: RendezvousLog) {
    this.#nats = nats;
    this.#reach = reach;
    this.#store = store;
    this.#createdAt = store.createdAt;
    this.#log = log;
  }

  /** Rejects with what NATS says. */
  static async open(nats: NatsConnection, reach: Reach, log: RendezvousLog): Promise<StoreKeeper> {
    return new StoreKeeper(nats, reach, await openStore(nats), log);
  }

  start(restore: (shared: 'kept' | 'lost') => Promise<void>): void {
    this.#restore = restore;
    this.#timer = setInterval(() => void this.#restoreRecords('kept'), RESTORE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Asks the store. Throws RendezvousError `cluster_unreachable` as long as it cannot be reached. */
  async ask<T>(question: (store: Store) => Promise<T>): Promise<T> {
    const { signal } = this.#reach;
    signal.throwIfAborted();
    if (!this.#store) throw clusterUnreachable();
    try {
      return await unlessAborted(question(this.#store), signal);
    } catch (error) {
      if (!signal.aborted && error instanceof RendezvousError) {
        this.#log.warn({ reason: String(error.cause) }, 'the store in NATS did not answer');
        void this.#settle();
      }
      throw error;
    }
  }

  /** NATS is within reach again; the store may not be yet, or another one. */
  reconnected(): void {
    this.#store = undefined;
    void this.#settle();
  }

  close(): void {
    this.#closed.abort();
    clearInterval(this.#timer);
    this.#store = undefined;
  }

  /** Never rejects. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (!this.#reach.signal.aborted && !this.#closed.signal.aborted) {
      try {
        const store = await unlessAborted(openStore(this.#nats), this.#reach.signal, this.#closed.signal);
        const shared = store.createdAt === this.#createdAt ? 'kept' : 'lost';
        this.#createdAt = store.createdAt;
        this.#store = store;
        this.#log.info({ shared }, 'the store in NATS is at hand');
        void this.#restoreRecords(shared);
        break;
      } catch (error) {
        this.#log.warn({ reason: String(error) }, 'the store in NATS is not at hand yet');
        await this.#pause();
      }
    }
    this.#isSettling = false;
  }

  /** Never rejects. */
  async #restoreRecords(shared: 'kept' | 'lost'): Promise<void> {
    while (!this.#closed.signal.aborted) {
      try {
        await this.#restore?.(shared);
        break;
      } catch (error) {
        this.#log.warn({ reason: String(error) }, 'the records of the executors here could not be put again yet');
        await this.#pause();
      }
    }
  }

  async #pause(): Promise<void> {
    const options = { signal: this.#closed.signal, ref: false };
    await delay(RESTORE_RETRY_MS * Math.random(), undefined, options).catch(() => undefined); // closed, which the loops see
  }
}
