import { describe, expect, test } from 'vitest';
import type { SubscriberEvent } from './events.js';
import { RETAINED_EVENTS_PER_PROCESS, SUBSCRIBER_HIGH_WATER_BYTES, SUBSCRIBER_HIGH_WATER_EVENTS } from './limits.js';
import { ProcessLog } from './process-log.js';
import type { Subscription } from './subscription.js';

const KIB = 1024;
const bytes = (n: number) => Buffer.alloc(n, 'x');

function takeAll(subscription: Subscription): SubscriberEvent[] {
  const events: SubscriberEvent[] = [];
  for (let event = subscription.take(); event; event = subscription.take()) events.push(event);
  return events;
}

const seqs = (events: SubscriberEvent[]) =>
  events.map((e) => (e.type === 'gap' ? `gap ${e.fromSeq}-${e.toSeq}` : e.type === 'failed' ? 'failed' : e.seq));

describe('the order', () => {
  test('output, exited and closed share one count from 1', () => {
    const log = new ProcessLog();
    log.appendOutput('stdout', bytes(1));
    log.appendExited(7, null);
    log.appendOutput('stderr', bytes(2));
    log.appendClosed();
    expect(takeAll(log.subscribe())).toEqual([
      { type: 'output', seq: 1, stream: 'stdout', chunk: bytes(1) },
      { type: 'exited', seq: 2, exitCode: 7, signal: null, sandboxDenied: false },
      { type: 'output', seq: 3, stream: 'stderr', chunk: bytes(2) },
      { type: 'closed', seq: 4 },
    ]);
  });

  test('exited and closed are recorded once', () => {
    const log = new ProcessLog();
    log.appendExited(1, null);
    log.appendExited(2, null);
    log.appendClosed();
    log.appendClosed();
    expect(log.nextSeq).toBe(3);
    expect(log.exited?.exitCode).toBe(1);
  });

  test('a subscription ends after closed', async () => {
    const log = new ProcessLog();
    const subscription = log.subscribe();
    log.appendClosed();
    expect(await subscription.next()).toEqual({ done: false, value: { type: 'closed', seq: 1 } });
    expect(await subscription.next()).toEqual({ done: true, value: undefined });
    expect(subscription.ended).toBe(true);
  });

  test('a log that fails ends its subscriptions after what they have yet to take', () => {
    const log = new ProcessLog();
    const subscription = log.subscribe();
    log.appendOutput('pty', bytes(1));
    const error = new Error('gone');
    log.fail(error);
    log.fail(new Error('again'));
    expect(takeAll(subscription).slice(1)).toEqual([{ type: 'failed', error }]);
    expect(subscription.ended).toBe(true);
  });
});

describe('retention', () => {
  test('drops the oldest output, whole chunks, and says which seqs are gone', () => {
    const log = new ProcessLog({ maxBytes: 100 });
    for (let i = 0; i < 5; i++) log.appendOutput('stdout', bytes(40));
    expect(log.retainedBytes).toBe(80);
    expect(seqs(takeAll(log.subscribe()))).toEqual(['gap 1-3', 4, 5]);
  });

  test('keeps exited, though everything around it is gone', () => {
    const log = new ProcessLog({ maxBytes: 100 });
    log.appendOutput('stdout', bytes(60));
    log.appendExited(0, null);
    for (let i = 0; i < 3; i++) log.appendOutput('stdout', bytes(60));
    log.appendClosed();
    expect(seqs(takeAll(log.subscribe()))).toEqual(['gap 1-1', 2, 'gap 3-4', 5, 6]);
    expect(seqs(takeAll(log.subscribe({ afterSeq: 2 })))).toEqual(['gap 3-4', 5, 6]);
  });

  test('bounds the number of events too', () => {
    const log = new ProcessLog();
    for (let i = 0; i < RETAINED_EVENTS_PER_PROCESS + 10; i++) log.appendOutput('stdout', bytes(1));
    expect(log.nextSeq - log.firstRetainedSeq).toBe(RETAINED_EVENTS_PER_PROCESS);
    expect(log.retainedBytes).toBe(RETAINED_EVENTS_PER_PROCESS);
  });

  test('waits for a subscriber that holds back, and goes on when it has moved or left', () => {
    const log = new ProcessLog({ maxBytes: 100 });
    const slow = log.subscribe({ holdBack: true });
    for (let i = 0; i < 5; i++) log.appendOutput('stdout', bytes(40));
    expect(log.retainedBytes).toBe(200);
    expect(slow.take()).toMatchObject({ seq: 1 });
    log.appendOutput('stdout', bytes(40));
    expect(log.firstRetainedSeq).toBe(2);
    expect(seqs(takeAll(slow))).toEqual([2, 3, 4, 5, 6]);
    slow.close();
    log.appendOutput('stdout', bytes(40));
    expect(log.retainedBytes).toBe(80);
  });
});

describe('pressure', () => {
  function pressed() {
    const calls: boolean[] = [];
    const log = new ProcessLog({ onPressure: (pause) => calls.push(pause) });
    return { log, calls };
  }

  test('comes when a subscriber that holds back is more than the high-water mark behind, and goes near the end', () => {
    const { log, calls } = pressed();
    const subscription = log.subscribe({ holdBack: true });
    for (let i = 0; i < 4; i++) log.appendOutput('stdout', bytes(SUBSCRIBER_HIGH_WATER_BYTES / 4));
    expect(calls).toEqual([]);
    log.appendOutput('stdout', bytes(1));
    expect(calls).toEqual([true]);
    subscription.take();
    subscription.take();
    expect(calls).toEqual([true]);
    subscription.take();
    subscription.take();
    expect(calls).toEqual([true, false]);
  });

  test('is not made by subscribers that do not hold back', () => {
    const { log, calls } = pressed();
    log.subscribe();
    for (let i = 0; i < 9; i++) log.appendOutput('stdout', bytes(100 * KIB));
    expect(calls).toEqual([]);
  });

  test('goes when the one that made it leaves', () => {
    const { log, calls } = pressed();
    const subscription = log.subscribe({ holdBack: true });
    log.appendOutput('stdout', bytes(300 * KIB));
    subscription.close();
    expect(calls).toEqual([true, false]);
  });

  test('stays while a second one is behind', () => {
    const { log, calls } = pressed();
    const first = log.subscribe({ holdBack: true });
    const second = log.subscribe({ holdBack: true });
    log.appendOutput('stdout', bytes(300 * KIB));
    takeAll(first);
    expect(calls).toEqual([true]);
    takeAll(second);
    expect(calls).toEqual([true, false]);
  });

  test('goes when what was behind is skipped: a source that is paused brings no next event to notice it', () => {
    const { log, calls } = pressed();
    const subscription = log.subscribe({ holdBack: true });
    log.appendOutput('stdout', bytes(300 * KIB));
    log.skipTo(10);
    expect(seqs(takeAll(subscription))).toEqual(['gap 1-10']);
    expect(calls).toEqual([true, false]);
  });

  test('goes when the log fails and its last subscriber has seen that', () => {
    const { log, calls } = pressed();
    const subscription = log.subscribe({ holdBack: true });
    log.appendOutput('stdout', bytes(300 * KIB));
    log.fail(new Error('gone'));
    takeAll(subscription);
    expect(calls).toEqual([true, false]);
  });
});

describe('a source that is asked to pause', () => {
  const hold = { highWaterBytes: 1_000, lowWaterBytes: 200, maxBytes: 2_000 };

  test('is asked at the marks that were given', () => {
    const calls: boolean[] = [];
    const log = new ProcessLog({ hold, onPressure: (pause) => calls.push(pause) });
    const subscription = log.subscribe({ holdBack: true });
    for (let i = 0; i < 10; i++) log.appendOutput('stdout', bytes(100));
    expect(calls).toEqual([]);
    log.appendOutput('stdout', bytes(1));
    expect(calls).toEqual([true]);
    for (let i = 0; i < 8; i++) subscription.take();
    expect(calls).toEqual([true]);
    subscription.take();
    expect(calls).toEqual([true, false]);
  });

  test('and does not, costs its reader a gap rather than us the memory', () => {
    const log = new ProcessLog({ maxBytes: 500, hold, onPressure: () => undefined });
    const subscription = log.subscribe({ holdBack: true });
    for (let i = 0; i < 50; i++) {
      log.appendOutput('stdout', bytes(100));
      expect(log.retainedBytes).toBeLessThanOrEqual(hold.maxBytes);
    }
    const [gap, ...rest] = seqs(takeAll(subscription));
    expect(gap).toBe(`gap 1-${50 - rest.length}`);
    expect(rest.at(-1)).toBe(50);
    expect(rest.length).toBeGreaterThanOrEqual(5);
  });

  test('counts events too: one-byte chunks are no way around it', () => {
    const calls: boolean[] = [];
    const log = new ProcessLog({ onPressure: (pause) => calls.push(pause) });
    const subscription = log.subscribe({ holdBack: true });
    for (let i = 0; i < SUBSCRIBER_HIGH_WATER_EVENTS; i++) log.appendOutput('stdout', bytes(1));
    expect(calls).toEqual([]);
    log.appendOutput('stdout', bytes(1));
    expect(calls).toEqual([true]);
    expect(takeAll(subscription)).toHaveLength(SUBSCRIBER_HIGH_WATER_EVENTS + 1);
    expect(calls).toEqual([true, false]);
  });
});

describe('skipping', () => {
  test('makes a gap up to the seq, and the next event follows it', () => {
    const log = new ProcessLog();
    const subscription = log.subscribe();
    log.appendOutput('stdout', bytes(1));
    log.skipTo(5);
    log.appendOutput('stdout', bytes(1));
    expect(seqs(takeAll(subscription))).toEqual(['gap 1-5', 6]);
  });

  test('costs a reader who lags what it has yet to take, and its gap covers that exactly', async () => {
    const log = new ProcessLog();
    const [quick, slow, slowest] = [log.subscribe(), log.subscribe({ holdBack: true }), log.subscribe()];
    for (let i = 1; i <= 5; i++) log.appendOutput('stdout', bytes(KIB));
    log.appendExited(3, null);
    log.appendOutput('stdout', bytes(KIB));
    expect(seqs(takeAll(quick))).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(seqs([slow.take(), slow.take()].flatMap((event) => event ?? []))).toEqual([1, 2]);
    log.skipTo(9);
    log.appendOutput('stdout', bytes(10));
    log.appendClosed();
    expect(slow.lagBytes).toBe(4 * KIB + 10);
    expect(seqs(takeAll(quick))).toEqual(['gap 8-9', 10, 11]);
    expect(seqs(takeAll(slow))).toEqual(['gap 3-5', 6, 'gap 7-9', 10, 11]); // never the exit
    expect(seqs(takeAll(slowest))).toEqual(['gap 1-5', 6, 'gap 7-9', 10, 11]);
    expect(slow.lagBytes).toBe(0);
    expect(await log.read({ afterSeq: 2 })).toMatchObject({ lost: { fromSeq: 3, toSeq: 9 }, chunks: [{ seq: 10 }] });
    expect(log.retainedBytes).toBe(10);
  });

  test('to what is there already changes nothing', () => {
    const log = new ProcessLog();
    log.appendOutput('stdout', bytes(1));
    log.skipTo(1);
    log.skipTo(0);
    expect(seqs(takeAll(log.subscribe()))).toEqual([1]);
  });
});

describe('iterating', () => {
  test('leaving the loop ends the subscription', async () => {
    const log = new ProcessLog();
    const subscription = log.subscribe();
    log.appendOutput('stdout', bytes(1));
    for await (const event of subscription) {
      expect(event.type).toBe('output');
      break;
    }
    expect(subscription.ended).toBe(true);
  });

  test('ends at once for a reader that has seen the end before', async () => {
    const log = new ProcessLog();
    log.appendClosed();
    expect(await log.subscribe({ afterSeq: 1 }).next()).toEqual({ done: true, value: undefined });
    expect(await log.subscribe({ afterSeq: 9 }).next()).toEqual({ done: true, value: undefined });
  });

  test('closing wakes a reader that waits', async () => {
    const subscription = new ProcessLog().subscribe();
    const next = subscription.next();
    subscription.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  test('two reads that wait at once are both served', async () => {
    const log = new ProcessLog();
    const subscription = log.subscribe();
    const first = subscription.next();
    const second = subscription.next();
    log.appendOutput('stdout', bytes(1));
    log.appendClosed();
    const values = (await Promise.all([first, second])).map(({ value }) => value?.type);
    expect(values.sort()).toEqual(['closed', 'output']);
  });
});
