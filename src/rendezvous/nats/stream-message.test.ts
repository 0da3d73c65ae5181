import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  creditOf,
  decodeStreamMessage,
  encodeCredit,
  encodeStreamMessage,
  type StreamMessageKind,
  streamMessageKinds,
} from './stream-message.js';

const kind = fc.constantFrom(...(Object.keys(streamMessageKinds) as StreamMessageKind[]).filter((k) => k !== 'credit'));
const number = fc.integer({ min: 0, max: 2 ** 48 - 1 });

test('a message is decoded as it was encoded', () => {
  fc.assert(
    fc.property(kind, number, fc.uint8Array(), (kind, sequence, payload) => {
      const decoded = decodeStreamMessage(encodeStreamMessage(kind, sequence, payload));
      expect(decoded).toEqual({ kind, sequence, payload: Buffer.from(payload) });
    }),
  );
});

test('a credit is decoded as it was encoded', () => {
  fc.assert(
    fc.property(number, number, (sequence, total) => {
      const decoded = decodeStreamMessage(encodeCredit(sequence, total));
      expect(decoded).toMatchObject({ kind: 'credit', sequence });
      expect(decoded && creditOf(decoded)).toBe(total);
    }),
  );
});

test('what is no message is told from one, whatever the bytes', () => {
  for (const bytes of [
    [],
    [0, 0, 0, 0, 0, 0, 0],
    [5, 0, 0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0, 0],
    [3, 0, 0, 0, 0, 0, 0, 9],
  ]) {
    expect(decodeStreamMessage(Uint8Array.from(bytes)), String(bytes)).toBeUndefined();
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void decodeStreamMessage(bytes)));
});
