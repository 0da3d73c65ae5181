import type { KV } from 'nats';
import { CLAIM_TTL_MS } from './limits.js';
import { clusterUnreachable, isWrongRevision } from './store.js';
import { storeKey } from './subjects.js';

/**
 * Is this the first of all nodes to use the id? Throws RendezvousError when the store does not answer: then the id may be used
 * up. Throws RangeError for an id that is good for longer than ids are remembered.
 */
export async function claimOnce(kv: KV, id: string, expiresAtMs: number): Promise<boolean> {
  if (expiresAtMs - Date.now() > CLAIM_TTL_MS) {
    throw new RangeError(`used ids are remembered for ${CLAIM_TTL_MS} ms, and this one is good for longer`);
  }
  try {
    await kv.create(storeKey(id), '');
    return true;
  } catch (error) {
    if (isWrongRevision(error)) return false;
    throw clusterUnreachable(error);
  }
}
