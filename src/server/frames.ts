import type { SubscriberEvent } from '../event-log/events.js';
import { asciiJson } from '../protocol/envelope.js';

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
      return undefined; // the caller knows which seqs they take
    default:
      return event satisfies never;
  }
}

/**
 * The end of a process that can no longer be followed, because the machine it runs on is out of reach: exit code -1, which
 * is nobody's, and `failure`, the reason. Real clients ask `process/read`, which tells the same, when `sandboxDenied` is
 * missing; without an end of some kind they would wait for ever.
 */
export function lostFrames(idJson: string, nextSeq: number, error: Error): string[] {
  const failure = asciiJson(error.message);
  return [
    `{"method":"process/exited","params":{"processId":${idJson},"seq":${nextSeq},"exitCode":-1,"signal":null,"failure":${failure}}}`,
    `{"method":"process/closed","params":{"processId":${idJson},"seq":${nextSeq + 1}}}`,
  ];
}
