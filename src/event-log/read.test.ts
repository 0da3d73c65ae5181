import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ProcessLog } from './process-log.js';

const bytes = (n: number) => Buffer.alloc(n, 'x');
const LONG_MS = 60_000;

/** Has the promise settled, with everything that is due now done? */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const note = () => {
    settled = true;
  };
  promise.then(note, note);
  for (let i = 0; i < 10; i++) await Promise.resolve();
  return settled;
}

describe('what a read gives', () => {
  async function threeChunksAndTheEnd() {
    const log = new ProcessLog();
    for (const n of [10, 20, 30]) log.appendOutput('stdout', bytes(n));
    log.appendExited(3, 'SIGTERM', true);
    log.appendClosed();
    return log;
  }

  test('everything, by default', async () => {
    const log = await threeChunksAndTheEnd();
    expect(await log.read()).toEqual({
      chunks: [10, 20, 30].map((n, i) => ({ seq: i + 1, stream: 'stdout', chunk: bytes(n) })),
      nextSeq: 6,
      exited: true,
      exitCode: 3,
      signal: 'SIGTERM',
      sandboxDenied: true,
      closed: true,
      failure: null,
      lost: null,
      exitedSeq: 4,
      closedSeq: 5,
    });
  });

  test.each([
    [0, [1], 2],
    [10, [1], 2],
    [29, [1], 2],
    [30, [1, 2], 3],
    [60, [1, 2, 3], 4],
    [61, [1, 2, 3], 4],
  ])('whole chunks up to %i bytes, but at least one', async (maxBytes, seqs, nextSeq) => {
    const log = await threeChunksAndTheEnd();
    const result = await log.read({ maxBytes });
    expect(result.chunks.map(({ seq }) => seq)).toEqual(seqs);
    expect(result.nextSeq).toBe(nextSeq);
  });

  test('reading on with nextSeq - 1 gives everything once', async () => {
    const log = await threeChunksAndTheEnd();
    const seen: number[] = [];
    let afterSeq = 0;
    while (seen.length < 3) {
      const { chunks, nextSeq } = await log.read({ afterSeq, maxBytes: 25 });
      seen.push(...chunks.map(({ seq }) => seq));
      afterSeq = nextSeq - 1;
    }
    expect(seen).toEqual([1, 2, 3]);
    expect((await log.read({ afterSeq, maxBytes: 25 })).nextSeq).toBe(6);
  });

  test('nothing beyond the end', async () => {
    const log = await threeChunksAndTheEnd();
    expect(await log.read({ afterSeq: 99 })).toMatchObject({ chunks: [], nextSeq: 6, closed: true, lost: null });
  });

  test('which seqs are lost to this reader, and only to it', async () => {
    const log = new ProcessLog({ maxBytes: 100 });
    for (let i = 0; i < 5; i++) log.appendOutput('stdout', bytes(40));
    expect((await log.read()).lost).toEqual({ fromSeq: 1, toSeq: 3 });
    expect((await log.read({ afterSeq: 2 })).lost).toEqual({ fromSeq: 3, toSeq: 3 });
    expect((await log.read({ afterSeq: 3 })).lost).toBeNull();
  });
});

describe('a read that waits', () => {
  test.each([
    ['output', (log: ProcessLog) => log.appendOutput('stdout', bytes(1))],
    ['the exit', (log: ProcessLog) => log.appendExited(0, null)],
    ['the end', (log: ProcessLog) => log.appendClosed()],
    ['a failure', (log: ProcessLog) => log.fail(new Error('gone'))],
  ])('is woken by %s', async (_name, happen) => {
    const log = new ProcessLog();
    const read = log.read({ waitMs: LONG_MS });
    expect(await isSettled(read)).toBe(false);
    happen(log);
    expect(await isSettled(read)).toBe(true);
  });

  test('does not wait when there is something', async () => {
    const log = new ProcessLog();
    log.appendOutput('stdout', bytes(1));
    expect(await isSettled(log.read({ waitMs: LONG_MS }))).toBe(true);
  });

  test('does not wait for an exit that it has not seen, and does wait after one that it has', async () => {
    const log = new ProcessLog();
    log.appendOutput('stdout', bytes(1));
    log.appendExited(0, null);
    expect(await isSettled(log.read({ afterSeq: 1, waitMs: LONG_MS }))).toBe(true);
    const read = log.read({ afterSeq: 2, waitMs: LONG_MS });
    expect(await isSettled(read)).toBe(false);
    log.appendClosed();
    expect(await isSettled(read)).toBe(true);
  });

  test('is rejected with the reason when its caller gives up', async () => {
    const log = new ProcessLog();
    const controller = new AbortController();
    const read = log.read({ waitMs: LONG_MS, signal: controller.signal });
    controller.abort(new Error('resumed elsewhere'));
    await expect(read).rejects.toThrow('resumed elsewhere');
    await expect(log.read({ waitMs: LONG_MS, signal: controller.signal })).rejects.toThrow('resumed elsewhere');
  });

  describe('on the clock', () => {
    beforeEach(() => {
      vi.useFakeTimers();
    });
    afterEach(() => {
      vi.useRealTimers();
    });

    test('answers with nothing at the deadline', async () => {
      const read = new ProcessLog().read({ waitMs: 700 });
      await vi.advanceTimersByTimeAsync(699);
      expect(await isSettled(read)).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await read).toMatchObject({ chunks: [], nextSeq: 1, exited: false });
    });

    test('waits as long as a timer can when asked for u64::MAX', async () => {
      const read = new ProcessLog().read({ waitMs: 2 ** 64 });
      await vi.advanceTimersByTimeAsync(1_000_000);
      expect(await isSettled(read)).toBe(false);
    });

    test('leaves no timer behind, however it ended', async () => {
      const log = new ProcessLog();
      const controller = new AbortController();
      const aborted = log.read({ waitMs: LONG_MS, signal: controller.signal }).catch(() => undefined);
      const woken = log.read({ waitMs: LONG_MS });
      controller.abort();
      log.appendClosed();
      await Promise.all([aborted, woken]);
      expect(vi.getTimerCount()).toBe(0);
    });
  });

  /** What the real peers call news for a reader. */
  function isNews(events: string[], afterSeq: number): boolean {
    const later = events.slice(afterSeq);
    return later.includes('output') || events.includes('closed') || (events.includes('exited') && later.length > 0);
  }

  test('wakes exactly when there is news, whatever happens in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('read' as const), afterSeq: fc.nat({ max: 8 }) }),
      fc.record({ do: fc.constantFrom('output' as const, 'exited' as const, 'closed' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const log = new ProcessLog();
        const events: string[] = [];
        const reads: { afterSeq: number; promise: Promise<unknown>; due: boolean }[] = [];
        for (const next of steps) {
          if (next.do === 'read') {
            reads.push({
              afterSeq: next.afterSeq,
              promise: log.read({ afterSeq: next.afterSeq, waitMs: LONG_MS }),
              due: false,
            });
          } else if (!events.includes('closed') && !(next.do === 'exited' && events.includes('exited'))) {
            if (next.do === 'output') log.appendOutput('stdout', bytes(1));
            if (next.do === 'exited') log.appendExited(0, null);
            if (next.do === 'closed') log.appendClosed();
            events.push(next.do);
          }
          for (const read of reads) {
            read.due ||= isNews(events, read.afterSeq);
            expect(await isSettled(read.promise)).toBe(read.due);
          }
        }
        log.fail(new Error('the end of the test'));
        await Promise.all(reads.map(({ promise }) => promise));
      }),
      { numRuns: 300 },
    );
  });
});
