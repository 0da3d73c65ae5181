import type { KV } from 'nats';
import { z } from 'zod';
import { ChangedError, type EnvironmentRecord, type Versioned } from '../cluster.js';
import { clusterUnreachable, isWrongRevision } from './store.js';
import { storeKey } from './subjects.js';

// A node of another version may know more of an executor, which is not to be lost.
const stored = z.looseObject({
  environmentId: z.string(),
  registrationId: z.string(),
  owner: z.string(),
  idempotencyId: z.string().optional(),
  name: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  executorVersion: z.string().optional(),
  registeredAtMs: z.number(),
  lastSeenAtMs: z.number(),
  connection: z
    .looseObject({
      nodeId: z.string(),
      connectionId: z.string(),
      sinceMs: z.number(),
      kind: z.enum(['control', 'single']),
      harnesses: z.number(),
      heldBy: z
        .looseObject({ harnessOwner: z.string(), harnessId: z.string().optional(), sinceMs: z.number() })
        .optional(),
    })
    .optional(),
}) satisfies z.ZodType<EnvironmentRecord>;

/** The records of all executors, in a JetStream key-value bucket. Throws RendezvousError when that does not answer. */
export class KvRecords {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  async get(environmentId: string): Promise<Versioned<EnvironmentRecord> | undefined> {
    try {
      const entry = await this.#kv.get(storeKey(environmentId));
      if (!entry) return undefined;
      return { value: stored.parse(entry.json()), revision: entry.revision };
    } catch (error) {
      throw clusterUnreachable(error);
    }
  }

  async list(): Promise<EnvironmentRecord[]> {
    try {
      const records: EnvironmentRecord[] = [];
      for await (const entry of await this.#kv.history()) records.push(stored.parse(entry.json()));
      return records;
    } catch (error) {
      throw clusterUnreachable(error);
    }
  }

  async put(record: EnvironmentRecord, revision: number | undefined): Promise<number> {
    const key = storeKey(record.environmentId);
    try {
      if (revision === undefined) return await this.#kv.create(key, JSON.stringify(record));
      return await this.#kv.update(key, JSON.stringify(record), revision);
    } catch (error) {
      if (!isWrongRevision(error)) throw clusterUnreachable(error);
      throw new ChangedError();
    }
  }
}
