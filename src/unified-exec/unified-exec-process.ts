import type { SubscriberEvent } from '../event-log/events.js';
import type { Subscription } from '../event-log/subscription.js';
import type { ExecProcess } from '../process/types.js';
import { type Collected, HeadTailBuffer } from './head-tail-buffer.js';
import { OUTPUT_MAX_BYTES, POST_EXIT_QUIET_MS } from './limits.js';
import { incompleteTailBytes } from './utf8.js';

/** What is known of a process. */
export interface ProcessState {
  readonly hasExited: boolean;
  /** Null: it runs, or how it ended is not known. */
  readonly exitCode: number | null;
  /** The signal that ended it, such as SIGKILL, where the server tells it. */
  readonly signal: string | null;
  /** Its output has ended. A process that has exited may have left another one that holds it open. */
  readonly outputEnded: boolean;
  /** Why it can no longer be followed; whether it still runs is then not known. */
  readonly failure: Error | null;
}

const RUNNING: ProcessState = { hasExited: false, exitCode: null, signal: null, outputEnded: false, failure: null };

/** A process, here or elsewhere, as a tool of an agent sees it: its state, and the output since somebody last asked. */
export class UnifiedExecProcess {
  readonly process: ExecProcess;
  readonly tty: boolean;
  readonly #events: Subscription;
  readonly #output = new HeadTailBuffer(OUTPUT_MAX_BYTES);
  /** The beginning of a character whose rest was yet to come when output was last taken. */
  #carry: Buffer = Buffer.alloc(0);
  #state = RUNNING;
  /** When it last did something, by the monotonic clock; counts once it has exited. */
  #lastNewsAt = 0;
  /** Output was taken after the exit: what is waited for from then on is what the process left behind. */
  #exitSeen = false;
  readonly #waiting = new Set<() => void>();

  constructor(process: ExecProcess, options: { tty: boolean }) {
    this.process = process;
    this.tty = options.tty;
    // It is read as fast as it comes, so holding back only means that nothing is lost while we are busy.
    this.#events = process.events({ holdBack: true });
    void this.#follow();
  }

  get state(): ProcessState {
    return this.#state;
  }

  /** Nothing more will come of it. */
  get ended(): boolean {
    return this.#state.outputEnded || this.#state.failure !== null;
  }

  /**
   * Resolves when it has ended, or has exited and its output is silent for the first time, or at `deadline`
   * (`performance.now()`), whatever comes first. `signal` ends the waiting with its reason, never the process.
   */
  settle(deadline: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        finish();
        reject(signal?.reason);
      };
      const check = () => {
        clearTimeout(timer);
        const leftMs = Math.min(deadline, this.#settledAt()) - performance.now();
        if (leftMs > 0) {
          timer = setTimeout(check, leftMs);
          return;
        }
        finish();
        resolve();
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort);
      this.#waiting.add(check);
      check();
    });
  }

  /** The output since the last time, without a last character that is not complete yet, which the next time begins with. */
  take(): Collected {
    this.#exitSeen = this.#state.hasExited;
    const { head, tail, omittedBytes } = this.#output.take();
    const whole: Collected = { head: Buffer.concat([this.#carry, head]), tail, omittedBytes };
    this.#carry = Buffer.alloc(0);
    if (this.ended) return whole;
    const last = tail.length > 0 ? 'tail' : 'head';
    const cut = whole[last].length - incompleteTailBytes(whole[last]);
    this.#carry = whole[last].subarray(cut);
    whole[last] = whole[last].subarray(0, cut);
    return whole;
  }

  /** Stops following it and forgets it; the process itself goes on, if it does. */
  release(): void {
    this.#events.close();
    this.process.release();
  }

  #settledAt(): number {
    if (this.ended) return Number.NEGATIVE_INFINITY;
    return this.#state.hasExited && !this.#exitSeen ? this.#lastNewsAt + POST_EXIT_QUIET_MS : Number.POSITIVE_INFINITY;
  }

  async #follow(): Promise<void> {
    for await (const event of this.#events) this.#apply(event);
  }

  #apply(event: SubscriberEvent): void {
    this.#lastNewsAt = performance.now();
    switch (event.type) {
      case 'output':
        this.#output.append(event.chunk);
        return;
      case 'gap':
        this.#output.append(Buffer.from(`\n... output lost: events ${event.fromSeq} to ${event.toSeq} ...\n`));
        return;
      case 'exited':
        this.#change({ hasExited: true, exitCode: event.exitCode, signal: event.signal });
        return;
      case 'closed':
        // Of a process whose exit was among lost events nobody knows how it ended, but that it did.
        this.#change({ hasExited: true, outputEnded: true });
        return;
      case 'failed':
        this.#change({ failure: event.error });
        return;
    }
  }

  #change(news: Partial<ProcessState>): void {
    this.#state = { ...this.#state, ...news };
    for (const check of [...this.#waiting]) check();
  }
}
