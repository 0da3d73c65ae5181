import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProcessEvent, SubscriberEvent } from './events.js';
import { SUBSCRIBER_HIGH_WATER_BYTES, SUBSCRIBER_LOW_WATER_BYTES } from './limits.js';
import { ProcessLog } from './process-log.js';
import { RetentionBudget } from './retention-budget.js';
import type { Subscription } from './subscription.js';

const KIB = 1024;
const SOURCE = Buffer.alloc(200 * KIB, 'x');

interface Reader {
  subscription: Subscription;
  holdBack: boolean;
  /** The seq that it must be given next. */
  position: number;
  /** The first seq that retention still had when it came: only what is older may be a gap to one that holds back. */
  firstSeq: number;
}

/** An event without its bytes: comparing 200 KiB each time would take most of the test. They must be the same object. */
function described(event: SubscriberEvent | undefined) {
  return event?.type === 'output' ? [event.type, event.seq, event.stream, chunkNumber(event.chunk)] : event;
}

const chunkNumbers = new WeakMap<Buffer, number>();
let chunks = 0;
function chunkNumber(chunk: Buffer): number {
  const number = chunkNumbers.get(chunk) ?? ++chunks;
  chunkNumbers.set(chunk, number);
  return number;
}

/** A log, and beside it everything that ever happened in a plain array. */
class Checked {
  readonly log: ProcessLog;
  readonly maxBytes: number;
  readonly events: ProcessEvent[] = [];
  readonly pressure: boolean[] = [];
  readonly readers: Reader[] = [];

  constructor(maxBytes: number, budget: RetentionBudget) {
    this.maxBytes = maxBytes;
    this.log = new ProcessLog({ maxBytes, budget, onPressure: (pause) => this.pressure.push(pause) });
  }

  get closed(): boolean {
    return this.events.at(-1)?.type === 'closed';
  }

  output(size: number): void {
    const chunk = SOURCE.subarray(0, size);
    this.events.push({ type: 'output', seq: this.events.length + 1, stream: 'stdout', chunk });
    this.log.appendOutput('stdout', chunk);
    if (this.heldLag() > SUBSCRIBER_HIGH_WATER_BYTES) expect(this.pressure.at(-1)).toBe(true);
    const heldAtTheFront = this.holders().some(({ position }) => position <= this.log.firstRetainedSeq);
    if (!heldAtTheFront) expect(this.log.retainedBytes).toBeLessThanOrEqual(this.maxBytes);
  }

  exited(): void {
    if (this.log.exited) return;
    this.events.push({ type: 'exited', seq: this.events.length + 1, exitCode: 1, signal: null, sandboxDenied: false });
    this.log.appendExited(1, null);
  }

  close(): void {
    this.events.push({ type: 'closed', seq: this.events.length + 1 });
    this.log.appendClosed();
  }

  subscribe(holdBack: boolean, afterSeq: number): void {
    const { firstRetainedSeq } = this.log;
    const subscription = this.log.subscribe({ afterSeq, holdBack });
    this.readers.push({ subscription, holdBack, position: afterSeq + 1, firstSeq: firstRetainedSeq });
  }

  take(reader: Reader, times: number): void {
    for (let i = 0; i < times && !reader.subscription.ended; i++) if (!this.takeOne(reader)) return;
  }

  /** The next event must be the one that follows, or a gap over exactly what retention has dropped. */
  takeOne(reader: Reader): boolean {
    const event = reader.subscription.take();
    if (event === undefined) {
      expect(reader.position).toBeGreaterThan(this.events.length);
      return false;
    }
    if (event.type !== 'gap') {
      expect(described(event)).toEqual(described(this.events[reader.position - 1]));
      reader.position++;
      return true;
    }
    expect(event.fromSeq).toBe(reader.position);
    expect(event.toSeq).toBeGreaterThanOrEqual(event.fromSeq);
    if (reader.holdBack) expect(event.toSeq).toBeLessThan(reader.firstSeq);
    const missed = this.events.slice(event.fromSeq - 1, event.toSeq);
    expect(missed.every(({ type }) => type === 'output')).toBe(true);
    const next = event.toSeq + 1;
    expect([this.log.firstRetainedSeq, this.log.exited?.seq]).toContain(next);
    reader.position = next;
    return true;
  }

  async read(afterSeq: number, maxBytes: number | undefined): Promise<void> {
    const first = this.log.firstRetainedSeq;
    const result = await this.log.read({ afterSeq, maxBytes });
    const retained = this.events.filter((e) => e.type === 'output' && e.seq > afterSeq && e.seq >= first);
    let bytes = 0;
    const expected = retained.filter((event, i) => {
      if (event.type === 'output') bytes += event.chunk.length;
      return maxBytes === undefined || i === 0 || bytes <= maxBytes;
    });
    expect(result.chunks.map((chunk) => described({ type: 'output', ...chunk }))).toEqual(expected.map(described));
    const last = expected.at(-1);
    expect(result.nextSeq).toBe(maxBytes !== undefined && last ? last.seq + 1 : this.events.length + 1);
    expect(result.lost).toEqual(afterSeq + 1 < first ? { fromSeq: afterSeq + 1, toSeq: first - 1 } : null);
    expect(result).toMatchObject({ closed: this.closed, exited: this.log.exited !== undefined });
  }

  check(): void {
    expect(this.log.nextSeq).toBe(this.events.length + 1);
    const kept = this.events.slice(this.log.firstRetainedSeq - 1);
    expect(this.log.retainedBytes).toBe(kept.reduce((sum, e) => sum + (e.type === 'output' ? e.chunk.length : 0), 0));
    this.pressure.forEach((pause, i) => {
      expect(pause).toBe(i % 2 === 0);
    });
    if (this.heldLag() <= SUBSCRIBER_LOW_WATER_BYTES) expect(this.pressure.at(-1) ?? false).toBe(false);
  }

  /** Everybody catches up. */
  finish(): void {
    if (!this.closed) this.close();
    for (const reader of this.readers) {
      this.take(reader, Number.POSITIVE_INFINITY);
      expect(reader.subscription.ended).toBe(true);
    }
    this.check();
    expect(this.pressure.at(-1) ?? false).toBe(false);
  }

  private holders(): Reader[] {
    return this.readers.filter(({ subscription, holdBack }) => holdBack && !subscription.ended);
  }

  /** Bytes between the slowest holder and the end. */
  private heldLag(): number {
    const first = Math.min(...this.holders().map(({ position }) => position));
    const behind = this.events.filter((e) => e.seq >= Math.max(first, this.log.firstRetainedSeq));
    return behind.reduce((sum, e) => sum + (e.type === 'output' ? e.chunk.length : 0), 0);
  }
}

const index = fc.nat({ max: 9 });
const action = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('output' as const),
      size: fc.integer({ min: 1, max: 150 * KIB }),
      log: index,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('exited' as const, 'close' as const), log: index }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      log: index,
      holdBack: fc.boolean(),
      afterSeq: fc.nat({ max: 40 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('take' as const), log: index, reader: index, times: fc.nat({ max: 8 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), log: index, reader: index }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      log: index,
      afterSeq: fc.nat({ max: 40 }),
      maxBytes: fc.option(fc.nat({ max: 400 * KIB }), { nil: undefined }),
    }),
  },
);

test('against a naive model: nothing is lost unannounced, retention and budget are kept, pressure ends', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(action, { maxLength: 80, size: 'max' }),
      fc.integer({ min: 100 * KIB, max: 1000 * KIB }),
      fc.integer({ min: 300 * KIB, max: 1500 * KIB }),
      async (actions, maxBytes, maxTotalBytes) => {
        const budget = new RetentionBudget(maxTotalBytes);
        const logs = [new Checked(maxBytes, budget), new Checked(maxBytes, budget)];
        for (const next of actions) {
          const it = logs[next.log % logs.length];
          if (!it) continue;
          const reader = 'reader' in next ? it.readers[next.reader % (it.readers.length || 1)] : undefined;
          const appends = next.do === 'output' && !it.closed;
          if (appends) it.output(next.size);
          if (next.do === 'exited' && !it.closed) it.exited();
          if (next.do === 'close' && !it.closed) it.close();
          if (next.do === 'subscribe') it.subscribe(next.holdBack, next.afterSeq % (it.events.length + 1));
          if (next.do === 'take' && reader) it.take(reader, next.times);
          if (next.do === 'leave') reader?.subscription.close();
          if (next.do === 'read') await it.read(next.afterSeq, next.maxBytes);
          for (const log of logs) log.check();
          expect(budget.usedBytes).toBe(logs.reduce((sum, { log }) => sum + log.retainedBytes, 0));
          const anyHolds = logs.some(({ readers }) => readers.some((r) => r.holdBack && !r.subscription.ended));
          if (!anyHolds && appends) expect(budget.usedBytes).toBeLessThanOrEqual(maxTotalBytes);
        }
        for (const log of logs) log.finish();
      },
    ),
    { numRuns: 400 },
  );
});

test('readers that wait for events at their own pace see every event, or a gap in its place', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.nat({ max: 120 }), { maxLength: 30 }),
      fc.array(fc.record({ holdBack: fc.boolean(), pauses: fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      async (scheduler, sizes, readers) => {
        const log = new ProcessLog({ maxBytes: 200 });
        const runs = readers.map(async ({ holdBack, pauses }) => {
          let next = 1;
          for await (const event of log.subscribe({ holdBack })) {
            if (event.type === 'failed') throw event.error;
            expect(event.type === 'gap' ? event.fromSeq : event.seq).toBe(next);
            if (holdBack) expect(event.type).not.toBe('gap');
            next = (event.type === 'gap' ? event.toSeq : event.seq) + 1;
            if (pauses[next % pauses.length]) await scheduler.schedule(Promise.resolve());
          }
          return next;
        });
        const source = scheduler.scheduleSequence([
          ...sizes.map((size) => async () => log.appendOutput('stdout', SOURCE.subarray(0, size))),
          async () => log.appendClosed(),
        ]);
        await scheduler.waitFor(Promise.all([source.task, ...runs]));
        expect(await Promise.all(runs)).toEqual(readers.map(() => sizes.length + 2));
      },
    ),
    { numRuns: 200 },
  );
});
