import { RETAINED_BYTES_TOTAL } from './limits.js';

/** A log as the budget sees it. */
export interface Retaining {
  readonly retainedBytes: number;
  /** When it ended, of `performance.now()`. Ended logs give way first, the oldest before all: its readers have had their time. */
  readonly endedAtMs: number | undefined;
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
    // What has just ended may be all that a client in recovery is coming back for.
    const turn = ({ endedAtMs = Number.MAX_VALUE }: Retaining) => endedAtMs;
    const candidates = [...this.#logs].sort((a, b) => turn(a) - turn(b) || b.retainedBytes - a.retainedBytes);
    for (const log of candidates) {
      if (excess <= 0) return;
      excess -= log.shed(excess);
    }
  }
}
