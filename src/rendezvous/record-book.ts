import { setTimeout as delay } from 'node:timers/promises';
import { ChangedError, type Cluster, type EnvironmentRecord } from './cluster.js';
import { RendezvousError } from './errors.js';
import type { ExecutorLink } from './executor-link.js';
import { RECORD_RETRY_MS } from './limits.js';
import type { RendezvousLog } from './log.js';

/** What is known of a link's record, and whether the link is still there. */
interface Entry {
  link: ExecutorLink;
  record: EnvironmentRecord;
  ended: boolean;
  writing: boolean;
  /** Something has changed since the writing began. */
  changed: boolean;
}

/** Keeps the shared records of this node's executors true: writes what changes, again and again while that fails. */
export class RecordBook {
  readonly #cluster: Cluster;
  readonly #log: RendezvousLog | undefined;
  readonly #entries = new Map<string, Entry>();
  #closed = false;

  constructor(cluster: Cluster, log: RendezvousLog | undefined) {
    this.#cluster = cluster;
    this.#log = log;
  }

  /** Looks after the record of a link, which has been put already. */
  add(link: ExecutorLink, record: EnvironmentRecord): void {
    this.#entries.set(link.connection.connectionId, {
      link,
      record,
      ended: false,
      writing: false,
      changed: false,
    });
  }

  /** The link has other harnesses, or none of them any more. */
  changed(connectionId: string): void {
    const entry = this.#entries.get(connectionId);
    if (entry) void this.#write(entry);
  }

  /** The link has ended: its environment is offline. */
  ended(connectionId: string): void {
    const entry = this.#entries.get(connectionId);
    if (!entry) return;
    entry.ended = true;
    entry.record = { ...entry.record, lastSeenAtMs: Date.now() };
    void this.#write(entry);
  }

  /** Writes all of them, whether or not they have changed. */
  async restore(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => this.#write(entry)));
  }

  /** Tries no more. */
  close(): void {
    this.#closed = true;
  }

  async #write(entry: Entry): Promise<void> {
    entry.changed = true;
    if (entry.writing) return;
    entry.writing = true;
    while (entry.changed && !this.#closed) {
      entry.changed = false;
      try {
        await this.#writeOnce(entry);
      } catch (error) {
        entry.changed = true;
        if (error instanceof ChangedError) continue;
        const { environmentId } = entry.link;
        this.#log?.warn({ environmentId, reason: String(error) }, 'the record could not be written, and will be again');
        await delay(RECORD_RETRY_MS, undefined, { ref: false });
      }
    }
    entry.writing = false;
    if (entry.ended && !entry.changed) this.#entries.delete(entry.link.connection.connectionId);
  }

  async #writeOnce({ link, record, ended }: Entry): Promise<void> {
    const { connectionId } = link.connection;
    const found = await this.#cluster.get(link.environmentId);
    const current = found?.value ?? record; // undefined: they have lost it
    if (current.registrationId !== link.registrationId) return; // registered anew meanwhile: another link's matter
    const other =
      current.connection && current.connection.connectionId !== connectionId ? current.connection : undefined;
    if (other && (ended || other.sinceMs > link.connection.sinceMs)) return;
    const next: EnvironmentRecord = ended
      ? { ...current, connection: undefined, lastSeenAtMs: record.lastSeenAtMs }
      : { ...current, connection: { ...link.connection }, lastSeenAtMs: Date.now() };
    await this.#cluster.put(next, found?.revision);
  }
}

/** Changes a record, as often as somebody else was faster. Throws what `change` throws, or RendezvousError. */
export async function changeRecord(
  cluster: Cluster,
  environmentId: string,
  change: (current: EnvironmentRecord | undefined) => Promise<EnvironmentRecord>,
): Promise<EnvironmentRecord> {
  const MAX_TRIES = 5;
  for (let tried = 0; tried < MAX_TRIES; tried++) {
    const found = await cluster.get(environmentId);
    const next = await change(found?.value);
    try {
      await cluster.put(next, found?.revision);
      return next;
    } catch (error) {
      if (!(error instanceof ChangedError)) throw error;
    }
  }
  throw new RendezvousError(
    'already_registered',
    `environment \`${environmentId}\` is changed by others all the time`,
    {
      retryAfterMs: RECORD_RETRY_MS,
    },
  );
}
