import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WaitingLine } from './waiting-line.js';

test('whoever comes back to the line gets the place of its first coming', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(1000)), (tickets) => {
      const line = new WaitingLine<{ ticket: number }>();
      for (const ticket of tickets) line.add({ ticket });
      expect(line.takeAll().map(({ ticket }) => ticket)).toEqual([...tickets].sort((a, b) => a - b));
      expect(line.size).toBe(0);
    }),
  );
});

test('whoever leaves the line is not called', () => {
  const line = new WaitingLine<{ ticket: number }>();
  const [a, b] = [{ ticket: 1 }, { ticket: 2 }];
  line.add(a);
  line.add(b);
  line.remove(a);
  line.remove(a);
  expect(line.takeAll()).toEqual([b]);
});
