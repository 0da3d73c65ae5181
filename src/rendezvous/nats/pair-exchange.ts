import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { ErrorCode, type Msg, type NatsConnection, NatsError } from 'nats';
import type { z } from 'zod';
import type { LinkQuestion, PairHandler, PairRequest } from '../cluster.js';
import { RendezvousError } from '../errors.js';
import { splice } from '../splice.js';
import { PAIR_REQUEST_TIMEOUT_MS } from './limits.js';
import { PairSweep } from './pair-sweep.js';
import {
  accepted,
  deliverAnswer,
  deliverQuestion,
  linkAnswer,
  linkQuestion,
  pairAnswer,
  pairQuestion,
  pairRequest,
  type Refusal,
  read,
  refusalOf,
} from './pair-wire.js';
import { type Reach, sharedAbort, unlessAborted } from './reach.js';
import { clusterUnreachable } from './store.js';
import type { StreamHub } from './stream-hub.js';
import { subjects } from './subjects.js';

interface ExchangeOptions {
  nats: NatsConnection;
  nodeId: string;
  reach: Reach;
  hub: StreamHub;
  isAlive(nodeId: string): boolean;
}

/** Brings harnesses at this node together with executors at others, and the other way round. */
export class PairExchange {
  readonly #options: ExchangeOptions;
  readonly #handler: PairHandler;
  readonly #sweep: PairSweep;
  /** Pair → what takes the executor's end, for the harnesses that wait at this node. */
  readonly #waiting = new Map<string, (end: Duplex) => void>();
  readonly #closed = sharedAbort();

  constructor(options: ExchangeOptions, handler: PairHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#sweep = new PairSweep(options, handler);
  }

  start(): void {
    const { nodeId } = this.#options;
    this.#serve(subjects.pair(nodeId), (message) => this.#answerPair(message));
    this.#serve(subjects.deliver(nodeId), (message) => this.#answerDeliver(message));
    this.#serve(subjects.unpaired(nodeId), async (message) => {
      this.#sweep.ended(read(pairRequest, message).pairId);
    });
    this.#serve(subjects.link(nodeId), async (message) => {
      message.respond(JSON.stringify({ isAlive: await this.#handler.askLink(read(linkQuestion, message)) }));
    });
    this.#serve(subjects.sweep(nodeId), async (message) => this.#sweep.answer(message));
    this.#sweep.start();
  }

  /** What waits is refused. */
  close(): void {
    this.#closed.abort(new RendezvousError('draining', 'this node is shutting down', { retryAfterMs: 1000 }));
    this.#sweep.close();
  }

  /** The executor's end, for a harness that has come to this node. Rejects with RendezvousError, or the signal's reason. */
  async request(holderNodeId: string, request: PairRequest, signal: AbortSignal): Promise<Duplex> {
    signal.throwIfAborted();
    const { pairId } = request;
    const isHere = holderNodeId === this.#options.nodeId;
    const delivered = new Promise<Duplex>((resolve) => this.#waiting.set(pairId, resolve));
    if (!isHere) this.#sweep.live.add(pairId);
    const asked = isHere ? this.#handler.pair(request) : this.#ask(holderNodeId, request);
    const ended = () => {
      if (isHere) return this.#handler.unpaired(request);
      this.#sweep.live.delete(pairId);
      this.#publish(subjects.unpaired(holderNodeId), request);
    };
    try {
      // An executor may be faster with its connection than with its answer.
      const first = Promise.race([asked, delivered]);
      const end = await unlessAborted(
        first.then((end) => end ?? delivered),
        signal,
        this.#closed.signal,
      );
      if (end.closed) ended();
      else end.once('close', ended);
      return end;
    } catch (error) {
      // Whatever comes now, nobody waits for it. What was refused has never been a pair.
      asked.then(ended, () => this.#sweep.live.delete(pairId));
      for (const late of [asked, delivered]) late.then((end) => end?.destroy()).catch(() => undefined); // told above
      throw error;
    } finally {
      this.#waiting.delete(pairId);
    }
  }

  /** Asks about the connection of an executor; false when its node is gone. Rejects as `request`. */
  async askLink(holderNodeId: string, question: LinkQuestion, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    if (holderNodeId === this.#options.nodeId) return this.#handler.askLink(question);
    const asked = this.#question(subjects.link(holderNodeId), question, linkAnswer).catch((error: unknown) => {
      if (error instanceof RendezvousError && isNobodyThere(error.cause)) return { isAlive: false };
      throw error;
    });
    return (await unlessAborted(asked, signal, this.#closed.signal)).isAlive;
  }

  /** Hands the end of an executor that has dialled this node to the harness that waits. Rejects with RendezvousError. */
  async deliver(pairId: string, harnessNodeId: string, end: Duplex): Promise<void> {
    if (harnessNodeId === this.#options.nodeId) return this.#take(pairId, end);
    const { hub, nodeId } = this.#options;
    const streamId = randomUUID();
    try {
      await this.#question(subjects.deliver(harnessNodeId), { pairId, streamId, nodeId }, deliverAnswer);
    } catch (error) {
      if (mayHaveHappened(error)) hub.cutOther(harnessNodeId, streamId);
      throw error;
    }
    void splice(end, hub.open('opens', harnessNodeId, streamId));
  }

  /** Undefined: the executor will dial. */
  async #ask(holderNodeId: string, request: PairRequest): Promise<Duplex | undefined> {
    const { hub } = this.#options;
    const streamId = randomUUID();
    try {
      const { end } = await this.#question(subjects.pair(holderNodeId), { request, streamId }, pairAnswer);
      return end === 'stream' ? hub.open('opens', holderNodeId, streamId) : undefined;
    } catch (error) {
      if (mayHaveHappened(error)) {
        hub.cutOther(holderNodeId, streamId);
        this.#publish(subjects.unpaired(holderNodeId), request);
      }
      throw error;
    }
  }

  async #answerPair(message: Msg): Promise<void> {
    const { request, streamId } = read(pairQuestion, message);
    const end = await this.#handler.pair(request);
    this.#sweep.held.set(request.pairId, request);
    if (end) {
      const stream = this.#options.hub.open('accepts', request.nodeId, streamId);
      stream.once('close', () => this.#sweep.ended(request.pairId));
      void splice(end, stream);
    }
    message.respond(JSON.stringify({ end: end ? 'stream' : 'dials' }));
  }

  async #answerDeliver(message: Msg): Promise<void> {
    const { pairId, streamId, nodeId } = read(deliverQuestion, message);
    if (!this.#waiting.has(pairId)) throw nobodyWaits();
    this.#take(pairId, this.#options.hub.open('accepts', nodeId, streamId));
    message.respond(JSON.stringify({ end: 'stream' }));
  }

  #take(pairId: string, end: Duplex): void {
    const take = this.#waiting.get(pairId);
    if (!take) throw nobodyWaits();
    this.#waiting.delete(pairId);
    take(end);
  }

  #serve(subject: string, answer: (message: Msg) => Promise<void>): void {
    this.#options.nats.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        answer(message).catch((refused) => message.respond(JSON.stringify(refusalOf(refused))));
      },
    });
  }

  async #question<T extends object>(
    subject: string,
    question: object,
    answer: z.ZodType<T>,
  ): Promise<Exclude<T, Refusal>> {
    const { signal } = this.#options.reach;
    signal.throwIfAborted();
    const asked = this.#options.nats.request(subject, JSON.stringify(question), { timeout: PAIR_REQUEST_TIMEOUT_MS });
    let message: Msg;
    try {
      message = await unlessAborted(asked, signal);
    } catch (error) {
      if (error instanceof RendezvousError) throw error;
      if (!isNobodyThere(error)) throw clusterUnreachable(error);
      throw new RendezvousError(
        'environment_offline',
        'the node at the other end is gone: who was there comes back at another',
        {
          retryAfterMs: 1000,
          cause: error,
        },
      );
    }
    return accepted(read(answer, message));
  }

  #publish(subject: string, what: object): void {
    const { nats } = this.#options;
    if (!nats.isClosed()) nats.publish(subject, JSON.stringify(what));
  }
}

function nobodyWaits(): RendezvousError {
  return new RendezvousError('url_expired', 'the harness that this connection was for no longer waits');
}

/** NATS itself says so, at once. */
function isNobodyThere(error: unknown): boolean {
  return error instanceof NatsError && error.code === ErrorCode.NoResponders;
}

/** The question may have been answered with yes, without us hearing it. */
function mayHaveHappened(error: unknown): boolean {
  return error instanceof RendezvousError && error.code === 'cluster_unreachable';
}
