import type { MethodName, ParamsInput, ResultOf } from '../protocol/methods.js';
import type { Channel } from '../rpc/channel.js';
import { RpcTimeoutError } from '../rpc/errors.js';
import type { CallOptions } from '../rpc/peer.js';
import { SUSPICIOUS_MS } from './limits.js';
import type { ServerConnection } from './server-connection.js';
import type { Waiting } from './waiting-line.js';

export interface LinkCallOptions extends CallOptions {
  /** Called whenever it is handed to a connection. */
  onSent?: ((channel: Channel) => void) | undefined;
}

/** One call of a user, across as many connections as it takes. Its deadline counts from the first moment, waiting included. */
export class OutgoingCall<M extends MethodName = MethodName> implements Waiting {
  readonly ticket: number;
  readonly method: M;
  readonly params: ParamsInput<M>;
  readonly result: Promise<ResultOf<M>>;
  /** How often in a row a connection has ended soon after it got this call. */
  suspicions = 0;
  /** It has gone out at least once without an answer. */
  mayHaveExecuted = false;
  readonly #options: LinkCallOptions;
  readonly #deadline: number | undefined;
  #resolve!: (result: ResultOf<M>) => void;
  #reject!: (error: unknown) => void;
  #stopWaiting: (() => void) | undefined;
  #sentAt = 0;

  constructor(ticket: number, method: M, params: ParamsInput<M>, options: LinkCallOptions) {
    this.ticket = ticket;
    this.method = method;
    this.params = params;
    this.#options = options;
    this.#deadline = options.timeoutMs === undefined ? undefined : performance.now() + options.timeoutMs;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** It frees resources, and may use one of the places that are kept for such calls. */
  get cleanup(): boolean {
    return this.#options.cleanup ?? false;
  }

  /** Hands it to a connection, in this very tick. `onError` decides what becomes of a failure. */
  send(connection: ServerConnection, onError: (error: unknown) => void): void {
    this.#leaveLine();
    const { signal, cleanup, timeoutMs } = this.#options;
    const left = this.#deadline === undefined ? undefined : Math.max(0, this.#deadline - performance.now());
    this.#sentAt = performance.now();
    this.#options.onSent?.(connection.channel);
    connection.call(this.method, this.params, { signal, cleanup, timeoutMs: left }).then(this.#resolve, (error) => {
      // What the caller gave counts, not what was left of it on this connection.
      onError(error instanceof RpcTimeoutError ? new RpcTimeoutError(this.method, timeoutMs ?? 0) : error);
    });
  }

  /** Waits for a connection; `leave` is called when the caller gives up meanwhile. */
  wait(leave: () => void): void {
    const { signal, timeoutMs = 0 } = this.#options;
    const giveUp = (error: unknown) => {
      leave();
      this.fail(error);
    };
    if (signal?.aborted) {
      giveUp(signal.reason);
      return;
    }
    const onAbort = () => giveUp(signal?.reason);
    signal?.addEventListener('abort', onAbort);
    const timer =
      this.#deadline === undefined
        ? undefined
        : setTimeout(
            () => giveUp(new RpcTimeoutError(this.method, timeoutMs, this.mayHaveExecuted)),
            Math.max(0, this.#deadline - performance.now()),
          );
    this.#stopWaiting = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    };
  }

  /** The connection that it was sent on has ended. Perhaps it is what ends connections. */
  wasCut(): void {
    this.mayHaveExecuted = true;
    this.suspicions = performance.now() - this.#sentAt < SUSPICIOUS_MS ? this.suspicions + 1 : 0;
  }

  fail(error: unknown): void {
    this.#leaveLine();
    this.#reject(error);
  }

  #leaveLine(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }
}
