import { invalidParams, invalidRequest } from '../protocol/errors.js';
import { type ExchangeOptions, HttpExchange } from './http-exchange.js';
import { MAX_HTTP_EXCHANGES } from './limits.js';

/** The HTTP requests of one connection that are under way. They end with it: a body cannot be gone on with elsewhere. */
export class HttpExchanges {
  /** Those whose body is streamed, by their ids. */
  readonly #streams = new Map<string, HttpExchange>();
  /** The others, which may share ids. */
  readonly #buffered = new Set<HttpExchange>();

  /** Throws a WireError for an id in use, and at the limit. */
  begin({ streamed, ...options }: ExchangeOptions & { streamed: boolean }): HttpExchange {
    const { requestId } = options;
    if (streamed && this.#streams.has(requestId)) {
      throw invalidParams(`http/request streamResponse requestId \`${requestId}\` is already active`);
    }
    if (this.#streams.size + this.#buffered.size >= MAX_HTTP_EXCHANGES) {
      const message = `${MAX_HTTP_EXCHANGES} HTTP requests of this connection are under way, which is the limit: wait for one`;
      throw invalidRequest('limit_reached', message, { retryable: true });
    }
    const exchange = new HttpExchange(options);
    if (streamed) this.#streams.set(requestId, exchange);
    else this.#buffered.add(exchange);
    return exchange;
  }

  /** The one whose body is streamed. */
  stream(requestId: string): HttpExchange | undefined {
    return this.#streams.get(requestId);
  }

  /** Its id is free. */
  end(exchange: HttpExchange): void {
    // The id may have a new owner by now: the check is on the exchange, not on its name.
    if (this.#streams.get(exchange.requestId) === exchange) this.#streams.delete(exchange.requestId);
    this.#buffered.delete(exchange);
    exchange.release();
  }

  /** An id that nobody has is fine. */
  cancel(requestId: string): void {
    const ofThatId = [...this.#buffered].filter((exchange) => exchange.requestId === requestId);
    for (const exchange of [this.#streams.get(requestId), ...ofThatId]) {
      if (!exchange) continue;
      exchange.cancel();
      this.end(exchange);
    }
  }

  cancelAll(): void {
    for (const exchange of [...this.#streams.values(), ...this.#buffered]) {
      exchange.cancel();
      this.end(exchange);
    }
  }
}
