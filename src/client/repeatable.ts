import type { MethodName } from '../protocol/methods.js';
import type { ServerTraits } from './server-traits.js';

/**
 * Sending these twice is as good as once, or, for a signal, better than perhaps not at all. Everything else that was in
 * flight at a cut fails with `mayHaveExecuted`.
 */
const IDEMPOTENT: ReadonlySet<MethodName> = new Set<MethodName>([
  'environment/info',
  'environment/status',
  'process/read',
  'process/list',
  'process/terminate',
  'process/signal',
  'process/resize',
  'process/closeStdin',
  'fs/readFile',
  'fs/getMetadata',
  'fs/readDirectory',
]);

/** May this request be sent again when its answer was lost? */
export function mayRepeat(method: MethodName, params: unknown, server: ServerTraits): boolean {
  if (method === 'process/write') {
    return server.dropsRepeatedWrites && typeof (params as { writeId?: unknown }).writeId === 'string';
  }
  return IDEMPOTENT.has(method);
}
