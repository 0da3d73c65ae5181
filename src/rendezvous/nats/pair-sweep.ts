import type { Msg, NatsConnection } from 'nats';
import type { PairHandler, PairRequest } from '../cluster.js';
import { MAX_SWEPT_PAIRS, PAIR_SWEEP_MS, STORE_TIMEOUT_MS } from './limits.js';
import { read, sweepAnswer, sweepQuestion } from './pair-wire.js';
import { subjects } from './subjects.js';

interface SweepOptions {
  nats: NatsConnection;
  isAlive(nodeId: string): boolean;
}

/**
 * Which pairs there are between this node's executors and harnesses elsewhere. A harness's node says when one has ended; in
 * case that gets lost, or the node dies, it is asked now and then.
 */
export class PairSweep {
  /** Pairs of harnesses at this node with executors elsewhere. */
  readonly live = new Set<string>();
  /** Pairs of executors at this node with harnesses elsewhere. */
  readonly held = new Map<string, PairRequest>();
  readonly #options: SweepOptions;
  readonly #handler: PairHandler;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SweepOptions, handler: PairHandler) {
    this.#options = options;
    this.#handler = handler;
  }

  start(): void {
    this.#timer = setInterval(() => this.#sweep(), PAIR_SWEEP_MS);
    this.#timer.unref();
  }

  /** Another node asks. Throws when the question is none. */
  answer(message: Msg): void {
    const { pairIds } = read(sweepQuestion, message);
    message.respond(JSON.stringify({ ended: pairIds.filter((id) => !this.live.has(id)) }));
  }

  /** Tells the handler, once. */
  ended(pairId: string): void {
    const request = this.held.get(pairId);
    this.held.delete(pairId);
    if (request) this.#handler.unpaired(request);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sweep(): void {
    const byNode = new Map<string, string[]>();
    for (const { pairId, nodeId } of this.held.values()) {
      const pairIds = byNode.get(nodeId);
      if (pairIds) pairIds.push(pairId);
      else byNode.set(nodeId, [pairId]);
    }
    for (const [nodeId, pairIds] of byNode) {
      if (this.#options.isAlive(nodeId)) void this.#ask(nodeId, pairIds);
      else for (const pairId of pairIds) this.ended(pairId);
    }
  }

  async #ask(nodeId: string, pairIds: string[]): Promise<void> {
    for (let from = 0; from < pairIds.length; from += MAX_SWEPT_PAIRS) {
      const question = JSON.stringify({ pairIds: pairIds.slice(from, from + MAX_SWEPT_PAIRS) });
      try {
        const message = await this.#options.nats.request(subjects.sweep(nodeId), question, {
          timeout: STORE_TIMEOUT_MS,
        });
        for (const pairId of read(sweepAnswer, message).ended) this.ended(pairId);
      } catch {
        return; // asked again at the next sweep, unless the node is dead by then
      }
    }
  }
}
