import type { ProcessEvent } from '../event-log/events.js';
import { ProcessLog, type ProcessLogOptions } from '../event-log/process-log.js';
import { accountFor, type ReadProcess, readRetained } from './catch-up.js';
import { isUnknownProcess, ProcessLostError } from './errors.js';
import { FRUITLESS_REPAIRS, GAP_PATIENCE_MS } from './limits.js';
import { ReorderBuffer } from './reorder-buffer.js';

export interface FeedHost {
  /** `process/read`, on whatever connection there is. */
  read: ReadProcess;
  /** A reader that holds back has fallen too far behind, or caught up. */
  pressure(feed: ProcessFeed, pressed: boolean): void;
  /** Closed, failed or forgotten: no more events are wanted. */
  ended(feed: ProcessFeed): void;
}

/**
 * Fills the log of one remote process: from notifications, put in order, and from `process/read` where those leave a
 * hole. Every seq is appended once, or made an explicit gap.
 */
export class ProcessFeed {
  readonly processId: string;
  readonly log: ProcessLog;
  readonly #host: FeedHost;
  readonly #buffer = new ReorderBuffer();
  #confirmed = false;
  #repairing = false;
  #fruitlessRepairs = 0;
  #patience: NodeJS.Timeout | undefined;

  constructor(processId: string, host: FeedHost, log: Pick<ProcessLogOptions, 'budget' | 'hold'> = {}) {
    this.processId = processId;
    this.#host = host;
    this.log = new ProcessLog({ ...log, onPressure: (pressed) => host.pressure(this, pressed) });
  }

  /** The server has confirmed that the process runs; a server that does not know it from then on has lost it. */
  get confirmed(): boolean {
    return this.#confirmed;
  }

  confirm(): void {
    this.#confirmed = true;
  }

  /** Takes an event that was pushed. */
  accept(event: ProcessEvent): void {
    if (this.log.ended || event.seq < this.log.nextSeq) return;
    if (event.seq === this.log.nextSeq) {
      this.#append(event);
      if (this.#buffer.size > 0) this.#drain();
    } else if (!this.#buffer.add(event)) {
      void this.#repair();
    }
    this.#watchHole();
  }

  /** Reads what was missed, until the log has all that the server had at the last question. Rejects as `read` does. */
  async catchUp(read: ReadProcess): Promise<void> {
    for (;;) {
      const before = this.log.nextSeq;
      const retained = await readRetained(read, this.processId, before - 1);
      if (this.log.ended) return;
      if (retained.nextSeq < before) {
        const counts = `it has counted ${retained.nextSeq - 1} events where ${before - 1} have been seen`;
        return this.fail(
          new ProcessLostError(this.processId, `the server knows another process by this id: ${counts}`),
        );
      }
      const afterSeq = this.log.nextSeq - 1; // events may have been pushed while we asked
      for (const step of accountFor(afterSeq, retained, this.#buffer.values(), this.log.exited !== undefined)) {
        if (step.type === 'gap') this.log.skipTo(step.toSeq);
        else this.#append(step);
      }
      this.#drain();
      if (retained.failure !== undefined) this.fail(new ProcessLostError(this.processId, retained.failure));
      // What was turned away for lack of room is in a further answer, unless this one brought nothing new.
      if (this.log.ended || this.#buffer.droppedTo < this.log.nextSeq || this.log.nextSeq === before) break;
    }
    this.#watchHole();
  }

  /** The process can no longer be followed. */
  fail(error: Error): void {
    if (this.log.ended) return;
    this.log.fail(error);
    this.#end();
  }

  /** Nobody wants to know any more; whoever still reads is told. */
  forget(): void {
    this.fail(new ProcessLostError(this.processId, 'it has been released'));
  }

  /** `event` is the next one. */
  #append(event: ProcessEvent): void {
    switch (event.type) {
      case 'output':
        this.log.appendOutput(event.stream, event.chunk);
        return;
      case 'exited':
        // A second exit can only come where the place of the first had to be guessed within a gap.
        if (this.log.exited) this.log.skipTo(event.seq);
        else this.log.appendExited(event.exitCode, event.signal, event.sandboxDenied);
        return;
      case 'closed':
        this.log.appendClosed();
        this.#end();
        return;
      default:
        event satisfies never;
    }
  }

  #drain(): void {
    for (let event = this.#buffer.take(this.log.nextSeq); event && !this.log.ended; ) {
      this.#append(event);
      event = this.#buffer.take(this.log.nextSeq);
    }
    this.#buffer.dropBefore(this.log.nextSeq);
  }

  get #hasHole(): boolean {
    return !this.log.ended && (this.#buffer.size > 0 || this.#buffer.droppedTo >= this.log.nextSeq);
  }

  /** A hole that does not fill by itself within the time is asked about. */
  #watchHole(): void {
    if (!this.#hasHole) {
      clearTimeout(this.#patience);
      this.#patience = undefined;
      this.#fruitlessRepairs = 0;
      return;
    }
    const at = this.log.nextSeq;
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined;
      if (this.log.nextSeq === at) void this.#repair();
      else this.#watchHole();
    }, GAP_PATIENCE_MS);
  }

  async #repair(): Promise<void> {
    if (this.#repairing) return;
    this.#repairing = true;
    const at = this.log.nextSeq;
    try {
      await this.catchUp(this.#host.read);
      if (this.#hasHole && this.log.nextSeq === at) this.#giveUpHole();
    } catch (error) {
      if (isUnknownProcess(error) && this.#confirmed) {
        this.fail(new ProcessLostError(this.processId, error.message, { cause: error }));
      }
      // Any other failure is the connection's, and whoever brings that back catches up, or fails every process.
    } finally {
      this.#repairing = false;
      this.#watchHole();
    }
  }

  /** The server does not have what is missing, and it does not come either. */
  #giveUpHole(): void {
    this.#fruitlessRepairs++;
    if (this.#fruitlessRepairs < FRUITLESS_REPAIRS) return;
    this.#fruitlessRepairs = 0;
    this.log.skipTo((this.#buffer.firstSeq ?? this.#buffer.droppedTo + 1) - 1);
    this.#drain();
  }

  #end(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#buffer.clear();
    this.log.release();
    this.#host.ended(this);
  }
}
