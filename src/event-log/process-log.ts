import type { OutputStream } from '../protocol/process-methods.js';
import type { ProcessEvent, ReadOptions, ReadResult, SubscriberEvent } from './events.js';
import {
  RETAINED_BYTES_PER_PROCESS,
  RETAINED_EVENTS_PER_PROCESS,
  SUBSCRIBER_HIGH_WATER_BYTES,
  SUBSCRIBER_HIGH_WATER_EVENTS,
  SUBSCRIBER_LOW_WATER_BYTES,
  SUBSCRIBER_LOW_WATER_EVENTS,
} from './limits.js';
import type { Retaining, RetentionBudget } from './retention-budget.js';
import { Subscription } from './subscription.js';

/** How far a subscriber that holds back the source may fall behind, in bytes of output. */
export interface HoldLimits {
  /** Beyond this the source is asked to pause. */
  highWaterBytes: number;
  /** At this it may go on. */
  lowWaterBytes: number;
  /** A source that does not pause: beyond this the oldest is dropped all the same, and the subscriber sees a gap. */
  maxBytes: number;
}

export interface ProcessLogOptions {
  maxBytes?: number;
  budget?: RetentionBudget | undefined;
  hold?: HoldLimits | undefined;
  /** Called when a subscriber that holds back falls too far behind (true), and when it has caught up (false). */
  onPressure?: (pause: boolean) => void;
}

/** For a source on this machine, which pauses at once. */
const DEFAULT_HOLD: HoldLimits = {
  highWaterBytes: SUBSCRIBER_HIGH_WATER_BYTES,
  lowWaterBytes: SUBSCRIBER_LOW_WATER_BYTES,
  maxBytes: Number.POSITIVE_INFINITY,
};

export interface SubscribeOptions {
  /** Start after this seq. Default 0: with all that is retained. */
  afterSeq?: number | undefined;
  /** Pause the source rather than let this subscriber lose events. Without it a slow subscriber sees a gap. */
  holdBack?: boolean | undefined;
}

/**
 * The ordered events of one process, from which notifications and reads are both taken.
 * Taking a seq and recording the event happen in one step, so the order of the log is the order of everything.
 * Retention drops the oldest output; never exited or closed, and not what a holding-back subscriber has yet to take as
 * long as the source pauses when it is asked to.
 */
export class ProcessLog implements Retaining {
  readonly #maxBytes: number;
  readonly #hold: HoldLimits;
  #budget: RetentionBudget | undefined;
  readonly #onPressure: ((pause: boolean) => void) | undefined;
  readonly #subscriptions = new Set<Subscription>();
  readonly #waiters = new Set<() => void>();
  /** Retained events; the seq of the first is `#firstSeq`, the others follow without gaps. */
  #events: ProcessEvent[] = [];
  #head = 0;
  #firstSeq = 1;
  #retainedBytes = 0;
  #appendedBytes = 0;
  #exited: Extract<ProcessEvent, { type: 'exited' }> | undefined;
  #closedSeq: number | undefined;
  #failure: Error | undefined;
  #endedAtMs: number | undefined;
  #pressed = false;
  #resolveEnded: () => void = () => undefined;
  /** Resolves when the log has ended: closed or failed. */
  readonly whenEnded: Promise<void> = new Promise((resolve) => {
    this.#resolveEnded = resolve;
  });

  constructor(options: ProcessLogOptions = {}) {
    this.#maxBytes = options.maxBytes ?? RETAINED_BYTES_PER_PROCESS;
    this.#hold = options.hold ?? DEFAULT_HOLD;
    this.#budget = options.budget;
    this.#onPressure = options.onPressure;
    this.#budget?.register(this);
  }

  get nextSeq(): number {
    return this.#firstSeq + this.#events.length - this.#head;
  }

  get firstRetainedSeq(): number {
    return this.#firstSeq;
  }

  get retainedBytes(): number {
    return this.#retainedBytes;
  }

  /** Bytes of output ever appended; subscriptions measure their lag with it. */
  get appendedBytes(): number {
    return this.#appendedBytes;
  }

  get exited(): Extract<ProcessEvent, { type: 'exited' }> | undefined {
    return this.#exited;
  }

  get closed(): boolean {
    return this.#closedSeq !== undefined;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  get ended(): boolean {
    return this.closed || this.#failure !== undefined;
  }

  get endedAtMs(): number | undefined {
    return this.#endedAtMs;
  }

  appendOutput(stream: OutputStream, chunk: Buffer): void {
    this.#append({ type: 'output', seq: this.nextSeq, stream, chunk }, chunk.length);
  }

  appendExited(exitCode: number, signal: string | null, sandboxDenied = false): void {
    if (this.#exited) return;
    this.#exited = { type: 'exited', seq: this.nextSeq, exitCode, signal, sandboxDenied };
    this.#append(this.#exited, 0);
  }

  appendClosed(): void {
    if (this.closed) return;
    this.#closedSeq = this.nextSeq;
    this.#append({ type: 'closed', seq: this.nextSeq }, 0);
    this.#markEnded();
  }

  /** Records that the events up to and including `seq` can never be had: the next event is `seq + 1`. */
  skipTo(seq: number): void {
    if (seq < this.nextSeq) return;
    this.#dropOldest(this.#events.length - this.#head);
    this.#firstSeq = seq + 1;
    this.#wake();
  }

  /** The process can no longer be followed. Ends every subscription and read. */
  fail(error: Error): void {
    if (this.ended) return;
    this.#failure = error;
    this.#wake();
    this.#markEnded();
  }

  /** Frees what is retained; for logs whose process is forgotten. */
  release(): void {
    this.#budget?.unregister(this);
    this.#budget = undefined;
  }

  subscribe(options: SubscribeOptions = {}): Subscription {
    const subscription = new Subscription(this, options.afterSeq ?? 0, options.holdBack ?? false, () => {
      this.#subscriptions.delete(subscription);
      this.relievePressure();
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** The next event for a subscriber that has seen everything before `seq`; undefined when it has not happened yet. */
  eventFrom(seq: number): SubscriberEvent | undefined {
    if (seq < this.#firstSeq) {
      const exited = this.#exited;
      if (!exited || exited.seq < seq || exited.seq >= this.#firstSeq) {
        return { type: 'gap', fromSeq: seq, toSeq: this.#firstSeq - 1 };
      }
      return exited.seq === seq ? exited : { type: 'gap', fromSeq: seq, toSeq: exited.seq - 1 };
    }
    return this.#events[this.#head + seq - this.#firstSeq];
  }

  /** Bytes of output retained from `seq` on. */
  bytesFrom(seq: number): number {
    let bytes = 0;
    for (let at = Math.max(seq, this.#firstSeq); at < this.nextSeq; at++) {
      const event = this.#events[this.#head + at - this.#firstSeq];
      if (event?.type === 'output') bytes += event.chunk.length;
    }
    return bytes;
  }

  /** Answers as `process/read` does: what is retained, at once or when something comes. */
  async read(options: ReadOptions = {}): Promise<ReadResult> {
    const { waitMs = 0, signal } = options;
    if (waitMs > 0 && !this.#hasNewsAfter(options.afterSeq ?? 0)) {
      await this.#waitForNews(options.afterSeq ?? 0, waitMs, signal);
    }
    return this.#readNow(options);
  }

  /** Re-checks whether the source may go on; subscriptions call it when they have taken something. */
  relievePressure(): void {
    if (!this.#pressed || this.#isHeldLagOver(this.#hold.lowWaterBytes, SUBSCRIBER_LOW_WATER_EVENTS)) return;
    this.#pressed = false;
    this.#onPressure?.(false);
  }

  shed(bytes: number): number {
    const before = this.#retainedBytes;
    this.#trim(Math.max(0, before - bytes));
    return before - this.#retainedBytes;
  }

  #markEnded(): void {
    this.#endedAtMs = performance.now();
    this.#resolveEnded();
  }

  #append(event: ProcessEvent, bytes: number): void {
    this.#events.push(event);
    this.#retainedBytes += bytes;
    this.#appendedBytes += bytes;
    if (this.#retainedBytes > this.#maxBytes || this.#events.length - this.#head > RETAINED_EVENTS_PER_PROCESS) {
      this.#trim(this.#maxBytes);
    }
    this.#budget?.changed(bytes);
    this.#wake();
    if (
      this.#onPressure &&
      !this.#pressed &&
      this.#isHeldLagOver(this.#hold.highWaterBytes, SUBSCRIBER_HIGH_WATER_EVENTS)
    ) {
      this.#pressed = true;
      this.#onPressure(true);
    }
  }

  #trim(maxBytes: number): void {
    let firstHeld = Number.POSITIVE_INFINITY;
    for (const s of this.#subscriptions) if (s.holdsBack) firstHeld = Math.min(firstHeld, s.position);
    let count = 0;
    let bytes = this.#retainedBytes;
    const length = this.#events.length - this.#head;
    while (bytes > maxBytes || length - count > RETAINED_EVENTS_PER_PROCESS) {
      const event = this.#events[this.#head + count];
      if (!event || event.type === 'closed') break;
      // Four times the high water of events: a paused source still delivers what was under way.
      const held = bytes <= this.#hold.maxBytes && length - count <= 4 * SUBSCRIBER_HIGH_WATER_EVENTS;
      if (event.seq >= firstHeld && held) break;
      if (event.type === 'output') bytes -= event.chunk.length;
      count++;
    }
    this.#dropOldest(count);
  }

  #dropOldest(count: number): void {
    let freed = 0;
    for (let i = 0; i < count; i++) {
      const event = this.#events[this.#head + i];
      if (event?.type === 'output') freed += event.chunk.length;
      delete this.#events[this.#head + i];
    }
    this.#head += count;
    this.#firstSeq += count;
    this.#retainedBytes -= freed;
    if (freed > 0) this.#budget?.changed(-freed);
    // Shifting an array for every dropped chunk would be quadratic; compacting when half is empty is not.
    if (this.#head > 64 && this.#head * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
  }

  #isHeldLagOver(bytes: number, events: number): boolean {
    for (const s of this.#subscriptions) {
      if (s.holdsBack && (s.lagBytes > bytes || this.nextSeq - s.position > events)) return true;
    }
    return false;
  }

  #wake(): void {
    for (const subscription of this.#subscriptions) subscription.wake();
    for (const waiter of [...this.#waiters]) waiter();
  }

  /** As the real peers have it: chunks, closed, or an exit that this reader has not seen. */
  #hasNewsAfter(afterSeq: number): boolean {
    if (this.ended) return true;
    if (this.#exited && afterSeq < this.nextSeq - 1) return true;
    for (let seq = Math.max(afterSeq + 1, this.#firstSeq); seq < this.nextSeq; seq++) {
      if (this.#events[this.#head + seq - this.#firstSeq]?.type === 'output') return true;
    }
    return false;
  }

  /** The check and the registration of the waiter happen in the same tick: nothing can be missed in between. */
  #waitForNews(afterSeq: number, waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(check);
        signal?.removeEventListener('abort', onAbort);
      };
      const check = () => {
        if (!this.#hasNewsAfter(afterSeq)) return;
        settle();
        resolve();
      };
      const onAbort = () => {
        settle();
        reject(signal?.reason);
      };
      // A longer delay would overflow the timer and fire at once.
      const timer = setTimeout(
        () => {
          settle();
          resolve();
        },
        Math.min(waitMs, 2 ** 31 - 1),
      );
      this.#waiters.add(check);
      if (signal?.aborted) onAbort();
      else signal?.addEventListener('abort', onAbort);
    });
  }

  #readNow({ afterSeq = 0, maxBytes }: ReadOptions): ReadResult {
    const chunks: ReadResult['chunks'] = [];
    let bytes = 0;
    for (let seq = Math.max(afterSeq + 1, this.#firstSeq); seq < this.nextSeq; seq++) {
      const event = this.#events[this.#head + seq - this.#firstSeq];
      if (event?.type !== 'output') continue;
      if (maxBytes !== undefined && chunks.length > 0 && bytes + event.chunk.length > maxBytes) break;
      bytes += event.chunk.length;
      chunks.push({ seq: event.seq, stream: event.stream, chunk: event.chunk });
    }
    const last = chunks.at(-1);
    return {
      chunks,
      nextSeq: maxBytes !== undefined && last ? last.seq + 1 : this.nextSeq,
      exited: this.#exited !== undefined,
      exitCode: this.#exited?.exitCode ?? null,
      signal: this.#exited?.signal ?? null,
      sandboxDenied: this.#exited?.sandboxDenied ?? false,
      closed: this.closed,
      failure: this.#failure?.message ?? null,
      lost: afterSeq + 1 < this.#firstSeq ? { fromSeq: afterSeq + 1, toSeq: this.#firstSeq - 1 } : null,
      exitedSeq: this.#exited?.seq ?? null,
      closedSeq: this.#closedSeq ?? null,
    };
  }
}
