import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { MAX_PAUSE_MS } from './limits.js';
import { ReadingBrake } from './reading-brake.js';
import type { ServerConnection } from './server-connection.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function fake() {
  const log: string[] = [];
  let answerProbe: (alive: boolean) => void = () => undefined;
  const channel = {
    pauseReading: () => log.push('pause'),
    resumeReading: () => log.push('resume'),
    probe: () => {
      log.push('probe');
      return new Promise<boolean>((resolve) => {
        answerProbe = resolve;
      });
    },
  };
  const connection = { pendingCalls: 0, channel };
  const brake = new ReadingBrake<string>();
  brake.attach(connection as unknown as ServerConnection);
  return { log, connection, brake, answerProbe: () => answerProbe(true) };
}

test('stops reading while anybody presses', () => {
  const { log, brake } = fake();
  brake.press('a', true);
  brake.press('b', true);
  brake.press('a', false);
  expect(log).toEqual(['pause']);
  brake.press('b', false);
  expect(log).toEqual(['pause', 'resume']);
  expect(vi.getTimerCount()).toBe(0);
});

test('lets go while a call waits for its answer', () => {
  const { log, brake, connection } = fake();
  connection.pendingCalls = 1;
  brake.press('a', true);
  expect(log).toEqual([]);
  connection.pendingCalls = 0;
  brake.update();
  connection.pendingCalls = 1;
  brake.update();
  expect(log).toEqual(['pause', 'resume']);
});

test('lets go from time to time until a ping has been answered', async () => {
  const { log, brake, answerProbe } = fake();
  brake.press('a', true);
  await vi.advanceTimersByTimeAsync(MAX_PAUSE_MS);
  expect(log).toEqual(['pause', 'resume', 'probe']);
  answerProbe();
  await vi.advanceTimersByTimeAsync(0);
  expect(log).toEqual(['pause', 'resume', 'probe', 'pause']);
});

test('lets go of a connection that is given up, and has no hold on it afterwards', async () => {
  const { log, brake } = fake();
  brake.press('a', true);
  brake.attach(undefined);
  brake.press('b', true);
  await vi.advanceTimersByTimeAsync(2 * MAX_PAUSE_MS);
  expect(log).toEqual(['pause', 'resume']);
  expect(vi.getTimerCount()).toBe(0);
});
