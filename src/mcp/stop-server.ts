import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecProcess } from '../process/types.js';
import { STDIN_EOF_GRACE_MS, STOP_TIMEOUT_MS, TERM_GRACE_MS } from './limits.js';

/**
 * Ends a server as MCP has it: end of input, then TERM, then KILL, each to the whole process group. Where its stdin cannot
 * be closed, TERM comes at once. `exited` resolves when its leader has ended. Never rejects.
 */
export async function stopServer(process: ExecProcess, exited: Promise<void>): Promise<void> {
  await atMost(STOP_TIMEOUT_MS, async () => {
    await atMost(STDIN_EOF_GRACE_MS, async () => {
      await process.closeStdin();
      await exited;
    });
    // Also when it has exited: what it has started may have stayed behind.
    await process.terminate({ graceMs: TERM_GRACE_MS });
    await process.ended();
  });
  process.release();
}

/** Whoever cannot be told to end, because the connection or the process is gone, has ended or ends with the session. */
async function atMost(limitMs: number, action: () => Promise<void>): Promise<void> {
  const limit = new AbortController();
  const undone = () => undefined;
  await Promise.race([action().catch(undone), sleep(limitMs, undefined, { signal: limit.signal }).catch(undone)]);
  limit.abort();
}
