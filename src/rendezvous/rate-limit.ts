import { RendezvousError } from './errors.js';
import { MAX_REMEMBERED_SUBJECTS, REQUEST_BURST, REQUESTS_PER_SECOND } from './limits.js';

/** Lets a subject make so many requests at once, and so many per second after that. */
export class RateLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #left = new Map<string, { requests: number; at: number }>();

  constructor({ burst = REQUEST_BURST, perSecond = REQUESTS_PER_SECOND } = {}) {
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** Throws RendezvousError `too_many_requests`. */
  take(subject: string, now = performance.now()): void {
    const before = this.#left.get(subject) ?? { requests: this.#burst, at: now };
    const requests = Math.min(this.#burst, before.requests + ((now - before.at) / 1000) * this.#perSecond);
    if (requests < 1) {
      throw new RendezvousError(
        'too_many_requests',
        `\`${subject}\` asks more than ${this.#perSecond} times per second`,
        {
          retryAfterMs: Math.max(1_000, ((1 - requests) / this.#perSecond) * 1000),
        },
      );
    }
    // Put again at the end: who comes first in the map has not asked for the longest time.
    this.#left.delete(subject);
    this.#left.set(subject, { requests: requests - 1, at: now });
    for (const longest of this.#left.keys()) {
      if (this.#left.size <= MAX_REMEMBERED_SUBJECTS) break;
      this.#left.delete(longest);
    }
  }
}
