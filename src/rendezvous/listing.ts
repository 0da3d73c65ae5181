import type { ListedEnvironment } from '../registry/contract.js';
import type { EnvironmentRecord } from './cluster.js';

/** A record as those who may see it see it. `isAlive`: is that node there? */
export function listed(record: EnvironmentRecord, isAlive: (nodeId: string) => boolean): ListedEnvironment {
  const connection = record.connection && isAlive(record.connection.nodeId) ? record.connection : undefined;
  return {
    environment_id: record.environmentId,
    name: record.name ?? null,
    labels: record.labels,
    status: connection ? 'online' : 'offline',
    last_seen_at: new Date(connection ? Date.now() : record.lastSeenAtMs).toISOString(),
    connected_at: connection ? new Date(connection.sinceMs).toISOString() : null,
    executor_version: record.executorVersion ?? null,
    harnesses: connection?.harnesses ?? 0,
    max_harnesses: connection?.kind === 'single' ? 1 : null,
  };
}
