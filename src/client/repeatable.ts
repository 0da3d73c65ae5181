import type { HttpRequest } from '../http/types.js';
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
  'fs/canonicalize',
  'fs/walk',
  'fs/readBlock',
  'fs/writeBlock', // the same bytes at the same place
  'fs/close',
  'fs/unwatch',
]);

/** A batch of nothing else can be sent twice. */
const READING: ReadonlySet<string> = new Set(['readFile', 'getMetadata', 'readDirectory']);

/** May this request be sent again when its answer was lost? */
export function mayRepeat(method: MethodName, params: unknown, server: ServerTraits): boolean {
  if (method === 'process/write') {
    return server.dropsRepeatedWrites && typeof (params as { writeId?: unknown }).writeId === 'string';
  }
  // Our ids are fresh: what exists already when it is asked for again is our own. Our server opens nothing twice; of others
  // it is not known whether they empty the file before they look at the id.
  if (method === 'fs/watch') return true;
  if (method === 'fs/open') {
    return server.capabilities.has('fsOpenUpdate') || (params as { mode?: unknown }).mode === 'read';
  }
  if (method === 'fs/batch') {
    return (params as { operations: { op: string }[] }).operations.every(({ op }) => READING.has(op));
  }
  return IDEMPOTENT.has(method);
}

/** Methods of HTTP that have their effect once however often they are sent (RFC 9110, 9.2.2). */
const IDEMPOTENT_HTTP: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

/** May this HTTP request be made again when the connection was cut before its answer came? */
export function mayRepeatHttp({ method, body }: HttpRequest): boolean {
  return IDEMPOTENT_HTTP.has(method) && (body === undefined || Buffer.isBuffer(body));
}
