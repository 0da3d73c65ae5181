import type { SubscriberEvent } from './events.js';
import type { ProcessLog } from './process-log.js';

/**
 * One reader of a log, at its own pace. Iterate it once; leaving the loop early, or `close`, ends it.
 * The iteration ends after `closed` or `failed`.
 */
export class Subscription implements AsyncIterableIterator<SubscriberEvent, undefined> {
  readonly holdsBack: boolean;
  readonly #log: ProcessLog;
  readonly #onClose: () => void;
  #position: number;
  #takenBytes: number;
  #ended = false;
  /** Those that wait for something to take. */
  #wakeUps: (() => void)[] = [];

  constructor(log: ProcessLog, afterSeq: number, holdsBack: boolean, onClose: () => void) {
    this.#log = log;
    this.#position = afterSeq + 1;
    this.holdsBack = holdsBack;
    this.#onClose = onClose;
    this.#takenBytes = log.appendedBytes - log.bytesFrom(this.#position);
  }

  /** The seq that it takes next. */
  get position(): number {
    return this.#position;
  }

  /** Bytes of output between this reader and the newest event. */
  get lagBytes(): number {
    return this.#log.appendedBytes - this.#takenBytes;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next event if it has happened already. `next` without the promise, for the hot path. */
  take(): SubscriberEvent | undefined {
    if (this.#ended) return undefined;
    const event = this.#log.eventFrom(this.#position);
    if (!event) {
      const failure = this.#log.failure;
      // A closed log brings nothing more: this reader has come with an `afterSeq` at its end or beyond.
      if (failure || this.#log.closed) this.close();
      return failure && { type: 'failed', error: failure };
    }
    if (event.type === 'gap') {
      this.#position = event.toSeq + 1;
      this.#takenBytes = this.#log.appendedBytes - this.#log.bytesFrom(this.#position);
    } else if (event.type !== 'failed') {
      this.#position = event.seq + 1;
      if (event.type === 'output') this.#takenBytes += event.chunk.length;
    }
    if (event.type === 'closed') this.close();
    else if (this.holdsBack) this.#log.relievePressure();
    return event;
  }

  /** Resolves when `take` may have something, or the subscription has ended. */
  async ready(): Promise<void> {
    if (this.#ended || this.#log.ended || this.#log.eventFrom(this.#position)) return;
    await new Promise<void>((resolve) => {
      this.#wakeUps.push(resolve);
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  async next(): Promise<IteratorResult<SubscriberEvent, undefined>> {
    for (;;) {
      const event = this.take();
      if (event) return { done: false, value: event };
      if (this.#ended) return { done: true, value: undefined };
      await this.ready();
    }
  }

  return(): Promise<IteratorResult<SubscriberEvent, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onClose();
    this.wake();
  }

  wake(): void {
    for (const wakeUp of this.#wakeUps.splice(0)) wakeUp();
  }
}
