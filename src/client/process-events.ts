import type { ProcessEvent } from '../event-log/events.js';
import { type ServerNotificationName, serverNotifications } from '../protocol/methods.js';

/** What a notification says about which process; undefined for notifications of other kinds, or that do not fit the protocol. */
export function readProcessEvent(
  method: string,
  params: unknown,
): { processId: string; event: ProcessEvent } | undefined {
  switch (method as ServerNotificationName) {
    case 'process/output': {
      const { success, data } = serverNotifications['process/output'].safeParse(params);
      if (!success) return undefined;
      const chunk = decodeChunk(data.chunk);
      if (!chunk) return undefined;
      return { processId: data.processId, event: { type: 'output', seq: data.seq, stream: data.stream, chunk } };
    }
    case 'process/exited': {
      const { success, data } = serverNotifications['process/exited'].safeParse(params);
      if (!success) return undefined;
      const { processId, seq, exitCode, signal = null, sandboxDenied = false, failure } = data;
      // Not an exit, but the end of what can be known. The hole it leaves in the count makes us read the reason.
      if (failure != null) return undefined;
      return { processId, event: { type: 'exited', seq, exitCode, signal, sandboxDenied } };
    }
    case 'process/closed': {
      const { success, data } = serverNotifications['process/closed'].safeParse(params);
      return success ? { processId: data.processId, event: { type: 'closed', seq: data.seq } } : undefined;
    }
    default:
      return undefined;
  }
}

/** Base64 of a server. Checked by its length alone, which costs nothing: a byte that Node skips makes it too short. */
export function decodeChunk(base64: string): Buffer | undefined {
  const bytes = Buffer.from(base64, 'base64');
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return bytes.length === (base64.length / 4) * 3 - padding ? bytes : undefined;
}
