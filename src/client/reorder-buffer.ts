import type { ProcessEvent } from '../event-log/events.js';
import { REORDER_MAX_BYTES, REORDER_MAX_EVENTS } from './limits.js';

/** Counted for every event besides its output, so that empty ones are not free. */
const EVENT_OVERHEAD_BYTES = 64;

/**
 * Events that came before an earlier one. Real peers take a seq and send in two steps, so their notifications overtake
 * each other by up to dozens. Bounded: what does not fit is dropped, and `droppedTo` says that it has to be read instead.
 */
export class ReorderBuffer {
  readonly #events = new Map<number, ProcessEvent>();
  #bytes = 0;
  #droppedTo = 0;

  get size(): number {
    return this.#events.size;
  }

  /** The highest seq that was turned away. 0: none. */
  get droppedTo(): number {
    return this.#droppedTo;
  }

  /** Keeps an event; false when there is no room for it. One that is here already changes nothing. */
  add(event: ProcessEvent): boolean {
    if (this.#events.has(event.seq)) return true;
    const bytes = bytesOf(event);
    if (this.#events.size >= REORDER_MAX_EVENTS || this.#bytes + bytes > REORDER_MAX_BYTES) {
      this.#droppedTo = Math.max(this.#droppedTo, event.seq);
      return false;
    }
    this.#events.set(event.seq, event);
    this.#bytes += bytes;
    return true;
  }

  /** All that is here, in no order. */
  values(): Iterable<ProcessEvent> {
    return this.#events.values();
  }

  take(seq: number): ProcessEvent | undefined {
    const event = this.#events.get(seq);
    if (event) this.#delete(event);
    return event;
  }

  /** Forgets everything before `seq`: it has come another way. */
  dropBefore(seq: number): void {
    for (const event of this.#events.values()) if (event.seq < seq) this.#delete(event);
  }

  /** The lowest seq that is here. */
  get firstSeq(): number | undefined {
    let first: number | undefined;
    for (const seq of this.#events.keys()) if (first === undefined || seq < first) first = seq;
    return first;
  }

  clear(): void {
    this.#events.clear();
    this.#bytes = 0;
  }

  #delete(event: ProcessEvent): void {
    this.#events.delete(event.seq);
    this.#bytes -= bytesOf(event);
  }
}

function bytesOf(event: ProcessEvent): number {
  return EVENT_OVERHEAD_BYTES + (event.type === 'output' ? event.chunk.length : 0);
}
