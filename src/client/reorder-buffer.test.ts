import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProcessEvent } from '../event-log/events.js';
import { REORDER_MAX_BYTES, REORDER_MAX_EVENTS } from './limits.js';
import { ReorderBuffer } from './reorder-buffer.js';

const output = (seq: number, bytes = 1): ProcessEvent => ({
  type: 'output',
  seq,
  stream: 'stdout',
  chunk: Buffer.alloc(bytes),
});

test('gives back in order what came in any order, once, however often it came', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }).chain((n) =>
        fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i + 1),
          { minLength: n, maxLength: n },
        ),
      ),
      fc.array(fc.nat(199)),
      (order, repeats) => {
        const buffer = new ReorderBuffer();
        const taken: number[] = [];
        for (const seq of [...order, ...repeats.map((i) => order[i % order.length] ?? 1)]) {
          if (seq > taken.length) buffer.add(output(seq));
          for (let event = buffer.take(taken.length + 1); event; event = buffer.take(taken.length + 1)) {
            taken.push(event.seq);
          }
          buffer.dropBefore(taken.length + 1);
        }
        expect(taken).toEqual([...order].sort((a, b) => a - b));
        expect(buffer.size).toBe(0);
        expect(buffer.droppedTo).toBe(0);
      },
    ),
  );
});

test('holds at most 256 events', () => {
  const buffer = new ReorderBuffer();
  for (let seq = 2; seq < 2 + REORDER_MAX_EVENTS; seq++) expect(buffer.add(output(seq))).toBe(true);
  expect(buffer.add(output(1000))).toBe(false);
  expect(buffer.droppedTo).toBe(1000);
  expect(buffer.size).toBe(REORDER_MAX_EVENTS);
});

test('holds at most 1 MiB, and has the room again when it is taken', () => {
  const buffer = new ReorderBuffer();
  expect(buffer.add(output(2, REORDER_MAX_BYTES - 1000))).toBe(true);
  expect(buffer.add(output(3, 1000))).toBe(false);
  expect(buffer.take(2)).toBeDefined();
  expect(buffer.add(output(3, 1000))).toBe(true);
});

test('an event that is there already is kept although there is no room for another', () => {
  const buffer = new ReorderBuffer();
  buffer.add(output(2, REORDER_MAX_BYTES - 1000));
  expect(buffer.add(output(2, REORDER_MAX_BYTES - 1000))).toBe(true);
  expect(buffer.droppedTo).toBe(0);
});

test('knows the lowest seq that it holds', () => {
  const buffer = new ReorderBuffer();
  expect(buffer.firstSeq).toBeUndefined();
  for (const seq of [9, 4, 7]) buffer.add(output(seq));
  expect(buffer.firstSeq).toBe(4);
  buffer.dropBefore(5);
  expect(buffer.firstSeq).toBe(7);
});
