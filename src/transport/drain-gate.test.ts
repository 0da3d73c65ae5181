import { expect, test } from 'vitest';
import { DrainGate } from './drain-gate.js';

async function isOpen(drained: Promise<void> | undefined): Promise<boolean> {
  let open = drained === undefined;
  void drained?.then(() => {
    open = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return open;
}

test('nobody waits below the high-water mark', () => {
  const gate = new DrainGate(100);
  gate.add(99);
  expect(gate.drained()).toBeUndefined();
  expect(gate.queuedBytes).toBe(99);
});

test('at the mark producers wait, all together, until half of it has drained', async () => {
  const gate = new DrainGate(100);
  gate.add(100);
  const first = gate.drained();
  expect(gate.drained()).toBe(first);
  gate.remove(49);
  expect(await isOpen(first)).toBe(false);
  gate.remove(1);
  expect(await isOpen(first)).toBe(true);
  expect(gate.drained()).toBeUndefined();
});

test('the end lets everybody go, and nobody waits after it', async () => {
  const gate = new DrainGate(100);
  gate.add(500);
  const waiting = gate.drained();
  gate.end();
  expect(await isOpen(waiting)).toBe(true);
  gate.add(500);
  expect(gate.drained()).toBeUndefined();
});
