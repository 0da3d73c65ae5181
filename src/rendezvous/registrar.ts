import { randomUUID } from 'node:crypto';
import type { Cluster, EnvironmentRecord } from './cluster.js';
import { RendezvousError } from './errors.js';
import { PROBE_TIMEOUT_MS, RETRY_AFTER_MS } from './limits.js';
import { changeRecord } from './record-book.js';

export interface Registration {
  environmentId: string;
  /** The subject of its credentials. */
  owner: string;
  idempotencyId?: string | undefined;
  name?: string | undefined;
  labels?: Readonly<Record<string, string>> | undefined;
}

/** Decides who serves under an id. */
export class Registrar {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Throws RendezvousError `already_registered`. */
  async register(registration: Registration): Promise<EnvironmentRecord> {
    const { environmentId, owner, idempotencyId, name, labels } = registration;
    return changeRecord(this.#cluster, environmentId, async (current) => {
      if (current && current.owner !== owner) throw foreign(environmentId);
      if (current) await this.#makeWay(current, idempotencyId);
      const now = Date.now();
      return {
        environmentId,
        registrationId: randomUUID(),
        owner,
        idempotencyId,
        name,
        labels: labels ?? {},
        executorVersion: current?.executorVersion,
        registeredAtMs: now,
        lastSeenAtMs: now,
      };
    });
  }

  /** Ends the connection that a record has, unless its other side is alive: then that is in the way, and keeps its place. */
  async replaceConnection(record: EnvironmentRecord): Promise<void> {
    if (await this.#ask(record, 'probe')) throw busy(record);
    await this.#ask(record, 'drop');
  }

  async #makeWay(current: EnvironmentRecord, idempotencyId: string | undefined): Promise<void> {
    const sameRun = idempotencyId !== undefined && idempotencyId === current.idempotencyId;
    if (sameRun) await this.#ask(current, 'drop');
    else await this.replaceConnection(current);
  }

  async #ask({ environmentId, connection }: EnvironmentRecord, ask: 'probe' | 'drop'): Promise<boolean> {
    if (!connection || !this.#cluster.isAlive(connection.nodeId)) return false;
    const { nodeId, connectionId } = connection;
    // The other node waits for the probe itself; the rest is for the way there and back.
    const signal = AbortSignal.timeout(2 * PROBE_TIMEOUT_MS);
    return this.#cluster.askLink(nodeId, { environmentId, connectionId, ask }, signal).catch((error: unknown) => {
      if (signal.aborted) return false;
      throw error;
    });
  }
}

function foreign(environmentId: string): RendezvousError {
  return new RendezvousError(
    'already_registered',
    `environment \`${environmentId}\` belongs to somebody else's credentials, and does so for 24 h after its executor was last seen`,
  );
}

function busy({ environmentId, name, connection }: EnvironmentRecord): RendezvousError {
  const since = new Date(connection?.sinceMs ?? 0).toISOString();
  const who = name === undefined ? 'another executor' : `another executor (\`${name}\`)`;
  return new RendezvousError(
    'already_registered',
    `${who} has been connected as environment \`${environmentId}\` since ${since}: end that one first, or register under another id`,
    { retryAfterMs: RETRY_AFTER_MS },
  );
}
