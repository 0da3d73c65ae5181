import { type KV, type NatsConnection, NatsError, StorageType } from 'nats';
import { RendezvousError } from '../errors.js';
import { CLAIM_TTL_MS, RECORD_TTL_MS, STORE_TIMEOUT_MS } from './limits.js';
import { buckets } from './subjects.js';

/** JetStream: somebody else has written the key. */
const WRONG_LAST_SEQUENCE = 10071;

export interface Store {
  records: KV;
  claims: KV;
  /** RFC 3339; of the bucket of records. */
  createdAt: string;
}

/** The two buckets, created if they are not there. Rejects with what NATS says. */
export async function openStore(nats: NatsConnection): Promise<Store> {
  const views = nats.jetstream({ timeout: STORE_TIMEOUT_MS }).views;
  // Read from the leader: what is read here has all that was written before.
  const options = { history: 1, allow_direct: false, storage: StorageType.File, timeout: STORE_TIMEOUT_MS };
  const records = await views.kv(buckets.records, { ...options, ttl: RECORD_TTL_MS });
  const claims = await views.kv(buckets.claims, { ...options, ttl: CLAIM_TTL_MS });
  const { streamInfo } = await records.status();
  return { records, claims, createdAt: streamInfo.created };
}

export function isWrongRevision(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === WRONG_LAST_SEQUENCE;
}

/** What whoever asked is told; the reason is for the log. */
export function clusterUnreachable(cause?: unknown): RendezvousError {
  return new RendezvousError(
    'cluster_unreachable',
    'this node cannot reach what it shares with the others: try again',
    {
      retryAfterMs: 1000,
      ...(cause !== undefined && { cause }),
    },
  );
}
