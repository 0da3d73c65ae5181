import type { Duplex } from 'node:stream';
import type { EnvironmentRecord, LinkQuestion, PairHandler, PairRequest } from './cluster.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLink } from './executor-link.js';
import { FRESH_CONNECTION_TIMEOUT_MS, RETRY_AFTER_MS } from './limits.js';
import type { RendezvousLog } from './log.js';
import type { RecordBook } from './record-book.js';

/** The executors that are connected to this node, and what is asked of them. */
export class ExecutorLinks implements PairHandler {
  readonly #book: RecordBook;
  readonly #log: RendezvousLog | undefined;
  readonly #links = new Map<string, ExecutorLink>();
  /** Who waits for the next connection of an environment. */
  /** What all nodes knew has been lost. */
  readonly #onForgotten: () => void;
  readonly #waiting = new Map<string, Set<(link: ExecutorLink) => void>>();

  constructor(book: RecordBook, log: RendezvousLog | undefined, onForgotten: () => void) {
    this.#book = book;
    this.#log = log;
    this.#onForgotten = onForgotten;
  }

  get all(): Iterable<ExecutorLink> {
    return this.#links.values();
  }

  /** From here on harnesses get to it. Its record has been put with its connection. */
  add(link: ExecutorLink, record: EnvironmentRecord): void {
    const { environmentId, registrationId, connection } = link;
    const { connectionId, kind } = connection;
    this.#links.get(environmentId)?.drop();
    this.#links.set(environmentId, link);
    this.#book.add(link, record);
    const fields = { environmentId, registrationId, connectionId, kind };
    this.#log?.info(fields, 'executor connected');
    void link.ended.then((reason) => {
      if (this.#links.get(environmentId) === link) this.#links.delete(environmentId);
      this.#book.ended(connectionId);
      const seconds = (Date.now() - connection.sinceMs) / 1000;
      this.#log?.info({ ...fields, reason, seconds }, 'executor disconnected');
    });
    for (const resolve of this.#waiting.get(environmentId) ?? []) resolve(link);
  }

  /** A link of this node has other harnesses. */
  changed(link: ExecutorLink): void {
    this.#book.changed(link.connection.connectionId);
  }

  pair(request: PairRequest): Promise<Duplex | undefined> {
    const link = this.#links.get(request.environmentId);
    if (link?.connection.connectionId === request.connectionId) return link.pair(request);
    return Promise.reject(offline(request.environmentId));
  }

  unpaired(request: PairRequest): void {
    this.#links.get(request.environmentId)?.unpaired(request.pairId);
  }

  async askLink({ environmentId, connectionId, ask }: LinkQuestion): Promise<boolean> {
    const link = this.#links.get(environmentId);
    if (link?.connection.connectionId !== connectionId) return false;
    if (ask === 'probe') return link.probe();
    link.drop();
    return false;
  }

  restore(shared: 'kept' | 'lost'): Promise<void> {
    if (shared === 'lost') this.#onForgotten();
    return this.#book.restore();
  }

  /** The next connection that an environment makes to this node. Throws RendezvousError when it makes none. */
  async next(environmentId: string): Promise<ExecutorLink> {
    const waiting = this.#waiting.get(environmentId) ?? new Set();
    this.#waiting.set(environmentId, waiting);
    let settle: (link: ExecutorLink) => void = () => undefined;
    try {
      return await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(offline(environmentId)), FRESH_CONNECTION_TIMEOUT_MS);
        settle = (link) => {
          clearTimeout(timer);
          resolve(link);
        };
        waiting.add(settle);
      });
    } finally {
      waiting.delete(settle);
      if (waiting.size === 0) this.#waiting.delete(environmentId);
    }
  }
}

function offline(environmentId: string): RendezvousError {
  return new RendezvousError('environment_offline', `environment \`${environmentId}\` is not connected at the moment`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}
