import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  ChangedError,
  type Cluster,
  type EnvironmentRecord,
  type LinkQuestion,
  type PairHandler,
  type PairRequest,
  type Versioned,
} from './cluster.js';
import { RendezvousError } from './errors.js';
import { MAX_RECORDS, RECORD_RETENTION_MS } from './limits.js';

const SWEEP_INTERVAL_MS = 60_000;

interface Waiting {
  deliver(end: Duplex): void;
  refuse(error: unknown): void;
}

/** One node by itself: all it knows is gone with it. */
export class MemoryCluster implements Cluster {
  readonly nodeId = randomUUID();
  readonly #records = new Map<string, Versioned<EnvironmentRecord>>();
  /** Ids that have been claimed, and until when they are kept. */
  readonly #claims = new Map<string, number>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweeper: NodeJS.Timeout;
  #handler: PairHandler | undefined;
  #revision = 0;

  constructor() {
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_INTERVAL_MS);
    this.#sweeper.unref();
  }

  async start(handler: PairHandler): Promise<void> {
    this.#handler = handler;
  }

  async get(environmentId: string): Promise<Versioned<EnvironmentRecord> | undefined> {
    const found = this.#records.get(environmentId);
    return found && { value: structuredClone(found.value), revision: found.revision };
  }

  async list(): Promise<EnvironmentRecord[]> {
    return [...this.#records.values()].map(({ value }) => structuredClone(value));
  }

  async put(record: EnvironmentRecord, revision: number | undefined): Promise<number> {
    const { environmentId } = record;
    if (this.#records.get(environmentId)?.revision !== revision) throw new ChangedError();
    if (revision === undefined && this.#records.size >= MAX_RECORDS) {
      throw new RendezvousError(
        'too_many_requests',
        `${MAX_RECORDS} environments are registered, and no more are kept`,
      );
    }
    this.#records.set(environmentId, { value: structuredClone(record), revision: ++this.#revision });
    return this.#revision;
  }

  async claimOnce(id: string, expiresAtMs: number): Promise<boolean> {
    if (this.#claims.has(id)) return false;
    this.#claims.set(id, expiresAtMs);
    return true;
  }

  isAlive(nodeId: string): boolean {
    return nodeId === this.nodeId;
  }

  async requestPair(_holderNodeId: string, request: PairRequest, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    const handler = this.#started();
    const delivered = this.#waitFor(request.pairId, signal);
    const held = handler.pair(request);
    try {
      const end = (await Promise.race([held, delivered])) ?? (await delivered);
      if (end.closed) handler.unpaired(request);
      else end.once('close', () => handler.unpaired(request));
      return end;
    } catch (error) {
      const discard = (late: Duplex | undefined) => {
        late?.destroy();
        handler.unpaired(request);
      };
      held.then(discard, () => undefined); // the caller has been told why
      throw error;
    } finally {
      this.#waiting.delete(request.pairId);
    }
  }

  askLink(_holderNodeId: string, question: LinkQuestion): Promise<boolean> {
    return this.#started().askLink(question);
  }

  async deliver(pairId: string, _harnessNodeId: string, end: Duplex): Promise<void> {
    const waiting = this.#waiting.get(pairId);
    if (!waiting) throw new RendezvousError('url_expired', 'the harness that this connection is for waits no more');
    waiting.deliver(end);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const { refuse } of this.#waiting.values())
      refuse(new RendezvousError('draining', 'this node is shutting down'));
  }

  #started(): PairHandler {
    if (!this.#handler) throw new Error('the cluster has not been started');
    return this.#handler;
  }

  /** The end that an executor dials for a pair. What comes after the signal has nobody to go to. */
  #waitFor(pairId: string, signal: AbortSignal): Promise<Duplex> {
    const delivered = new Promise<Duplex>((resolve, reject) => {
      this.#waiting.set(pairId, { deliver: resolve, refuse: reject });
      const onAbort = () => {
        this.#waiting.delete(pairId);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
    });
    delivered.catch(() => undefined); // the race has told, or was lost to the handler's own word
    return delivered;
  }

  #sweep(): void {
    const now = Date.now();
    for (const [id, expiresAtMs] of this.#claims) if (expiresAtMs < now) this.#claims.delete(id);
    for (const [id, { value }] of this.#records) {
      if (!value.connection && value.lastSeenAtMs + RECORD_RETENTION_MS < now) this.#records.delete(id);
    }
  }
}
