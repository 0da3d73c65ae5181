import type { SubscriberEvent } from '../event-log/events.js';

/**
 * The notification for an event, as ASCII text built by hand: base64 and our own fields need no escaping, and
 * JSON.stringify would look at every byte of a chunk. `idJson` is the process id as ASCII JSON.
 */
export function eventFrame(idJson: string, event: SubscriberEvent): string | undefined {
  switch (event.type) {
    case 'output':
      return `{"method":"process/output","params":{"processId":${idJson},"seq":${event.seq},"stream":"${event.stream}","chunk":"${event.chunk.toString('base64')}"}}`;
    case 'exited': {
      const signal = event.signal === null ? 'null' : `"${event.signal}"`;
      return `{"method":"process/exited","params":{"processId":${idJson},"seq":${event.seq},"exitCode":${event.exitCode},"signal":${signal},"sandboxDenied":${event.sandboxDenied}}}`;
    }
    case 'closed':
      return `{"method":"process/closed","params":{"processId":${idJson},"seq":${event.seq}}}`;
    case 'gap':
    case 'failed':
      return undefined; // the wire has no notification for them: `process/read` tells both
    default:
      return event satisfies never;
  }
}
