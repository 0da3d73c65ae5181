import { createHash, randomUUID } from 'node:crypto';

/**
 * What tells a registry that two registrations are of one run of one executor. The formula is 0.129.0's: the id and name
 * of the executor, and 16 random bytes that are made once per run.
 */
export function idempotencyId(executorId: string, name: string, runId: string = randomUUID()): string {
  const runBytes = Buffer.from(runId.replaceAll('-', ''), 'hex');
  const hash = createHash('sha256').update(`${executorId}\0${name}\0codex-exec-server-v1\0`).update(runBytes);
  return `codex-exec-server-${hash.digest('hex')}`;
}
