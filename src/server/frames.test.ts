import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyText } from '../../test/harness/any-text.js';
import type { SubscriberEvent } from '../event-log/events.js';
import { asciiJson } from '../protocol/envelope.js';
import { serverNotifications } from '../protocol/methods.js';
import { eventFrame } from './frames.js';

const seq = fc.integer({ min: 1 });
const event: fc.Arbitrary<SubscriberEvent> = fc.oneof(
  fc.record({
    type: fc.constant('output' as const),
    seq,
    stream: fc.constantFrom('stdout' as const, 'stderr' as const, 'pty' as const),
    chunk: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  }),
  fc.record({
    type: fc.constant('exited' as const),
    seq,
    exitCode: fc.nat({ max: 255 }),
    signal: fc.constantFrom(null, 'SIGTERM', 'SIGKILL'),
    sandboxDenied: fc.boolean(),
  }),
  fc.record({ type: fc.constant('closed' as const), seq }),
);

test('a frame built by hand is ASCII, and the JSON of the notification that the protocol has', () => {
  fc.assert(
    fc.property(anyText, event, (processId, of) => {
      const frame = eventFrame(asciiJson(processId), of) ?? '';
      expect(frame).toMatch(/^[\x20-\x7e]+$/);
      const { type, ...rest } = of;
      const params = of.type === 'output' ? { ...rest, chunk: of.chunk.toString('base64') } : rest;
      const method = `process/${type}` as keyof typeof serverNotifications;
      expect(JSON.parse(frame)).toEqual({ method, params: { processId, ...params } });
      serverNotifications[method].parse(JSON.parse(frame).params);
    }),
  );
});

test('gaps and failures have no notification: reading tells them', () => {
  expect(eventFrame('"p"', { type: 'gap', fromSeq: 1, toSeq: 2 })).toBeUndefined();
  expect(eventFrame('"p"', { type: 'failed', error: new Error('gone') })).toBeUndefined();
});
