import { invalidParams, type WireError } from '../../protocol/errors.js';
import { httpCancelled, httpFailed } from '../errors.js';
import type { HttpPhase, HttpRequestOptions } from '../types.js';
import { MAX_TIMER_MS } from './limits.js';

/**
 * A request from its first byte to the last of its answer, redirects included. It can be ended from outside, once: by the
 * caller's signal, the deadline, `cancel`, or the client that closes. `signal` is that, with the error as its reason.
 */
export class RequestLife {
  readonly signal: AbortSignal;
  phase: HttpPhase = 'connect';
  /** Shown in errors; changes with each redirect. */
  url = '';
  readonly #ending = new AbortController();
  readonly #cleanups: (() => void)[] = [];
  #over = false;

  constructor({ signal, timeoutMs }: HttpRequestOptions) {
    this.signal = this.#ending.signal;
    if (timeoutMs !== undefined) this.#startDeadline(timeoutMs);
    if (signal) this.#follow(signal);
  }

  /** What it was ended with. */
  get ended(): WireError | undefined {
    return this.signal.aborted ? (this.signal.reason as WireError) : undefined;
  }

  end(error: WireError): void {
    if (!this.#over) this.#ending.abort(error);
  }

  /** Runs when there is nothing left to end, or at once. */
  whenOver(cleanup: () => void): void {
    if (this.#over) cleanup();
    else this.#cleanups.push(cleanup);
  }

  /** The answer has come to its end, or failed. Idempotent. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
  }

  #startDeadline(timeoutMs: number): void {
    if (!(timeoutMs > 0)) {
      throw invalidParams(`http/request timeoutMs must be at least 1, got ${timeoutMs}; leave it out for no limit`);
    }
    if (timeoutMs > MAX_TIMER_MS) return;
    const timer = setTimeout(() => this.end(this.#timedOut(timeoutMs)), timeoutMs);
    this.whenOver(() => clearTimeout(timer));
  }

  #timedOut(timeoutMs: number): WireError {
    const { phase, url } = this;
    return httpFailed({ reason: 'timed_out', phase, url, text: `timed out ${DOING[phase]} after ${timeoutMs} ms` });
  }

  #follow(signal: AbortSignal): void {
    const onAbort = () => this.end(httpCancelled('was cancelled by its signal', signal.reason));
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    this.whenOver(() => signal.removeEventListener('abort', onAbort));
  }
}

const DOING: Record<HttpPhase, string> = {
  connect: 'connecting',
  headers: 'waiting for the response headers',
  body: 'reading the response body',
};
