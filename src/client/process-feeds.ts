import { RetentionBudget } from '../event-log/retention-budget.js';
import { invalidRequest } from '../protocol/errors.js';
import type { ReadProcess } from './catch-up.js';
import { HELD_HIGH_WATER_BYTES, HELD_LOW_WATER_BYTES, HELD_MAX_BYTES } from './limits.js';
import { readProcessEvent } from './process-events.js';
import { type FeedHost, ProcessFeed } from './process-feed.js';

const HOLD = {
  highWaterBytes: HELD_HIGH_WATER_BYTES,
  lowWaterBytes: HELD_LOW_WATER_BYTES,
  maxBytes: HELD_MAX_BYTES,
};

/** The processes that a client follows, by id: pushed events find their log here. */
export class ProcessFeeds {
  readonly #feeds = new Map<string, ProcessFeed>();
  readonly #budget = new RetentionBudget();
  readonly #host: FeedHost;

  constructor(host: { read: ReadProcess; pressure(feed: ProcessFeed, pressed: boolean): void }) {
    this.#host = {
      read: host.read,
      pressure: host.pressure,
      ended: (feed) => {
        // The id may have a new owner by now: the check is on the feed, not on its name.
        if (this.#feeds.get(feed.processId) === feed) this.#feeds.delete(feed.processId);
        host.pressure(feed, false);
      },
    };
  }

  /** Follows a process from now on. To be done before it is started: its events can overtake the answer. */
  register(processId: string): ProcessFeed {
    if (this.#feeds.has(processId)) {
      throw invalidRequest('process_exists', `process ${processId} already exists: this client follows it`);
    }
    const feed = new ProcessFeed(processId, this.#host, { budget: this.#budget, hold: HOLD });
    this.#feeds.set(processId, feed);
    return feed;
  }

  /** Hands an event to the process it belongs to. Events of processes that nobody follows are nobody's. */
  deliver(method: string, params: unknown): void {
    const read = readProcessEvent(method, params);
    // One that does not fit the protocol leaves a hole in the count, and is read again because of that.
    if (read) this.#feeds.get(read.processId)?.accept(read.event);
  }

  /** Those that have not ended. */
  all(): ProcessFeed[] {
    return [...this.#feeds.values()];
  }

  failAll(error: Error): void {
    for (const feed of this.all()) feed.fail(error);
  }
}
