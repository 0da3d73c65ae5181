import { RETAINED_BYTES_TOTAL } from './limits.js';

/** A log as the budget sees it. */
export interface Retaining {
  readonly retainedBytes: number;
  /** Ended logs give way first: their readers have had their time. */
  readonly ended: boolean;
  /** Drops about this much of the oldest output that nobody is waiting for; returns what was dropped. */
  shed(bytes: number): number;
}

/** One limit for the output that all logs together retain. */
export class RetentionBudget {
  readonly #maxBytes: number;
  readonly #logs = new Set<Retaining>();
  #usedBytes = 0;

  constructor(maxBytes = RETAINED_BYTES_TOTAL) {
    this.#maxBytes = maxBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  register(log: Retaining): void {
    this.#logs.add(log);
  }

  unregister(log: Retaining): void {
    if (this.#logs.delete(log)) this.#usedBytes -= log.retainedBytes;
  }

  /** A log has grown or shrunk by this much. */
  changed(deltaBytes: number): void {
    this.#usedBytes += deltaBytes;
    if (deltaBytes > 0 && this.#usedBytes > this.#maxBytes) this.#makeRoom();
  }

  #makeRoom(): void {
    // A tenth more than needed, so that a full budget does not mean a search at every chunk.
    let excess = this.#usedBytes - this.#maxBytes + this.#maxBytes / 10;
    const candidates = [...this.#logs].sort(
      (a, b) => Number(b.ended) - Number(a.ended) || b.retainedBytes - a.retainedBytes,
    );
    for (const log of candidates) {
      if (excess <= 0) return;
      excess -= log.shed(excess);
    }
  }
}
