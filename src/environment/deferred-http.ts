import type { HttpClient, HttpRequest, HttpRequestOptions, HttpResponse, HttpStreamResponse } from '../http/types.js';
import type { Use } from './deferred-processes.js';

/** HTTP of a place that is gone to on first use. */
export class DeferredHttp implements HttpClient {
  readonly #use: Use<HttpClient>;
  readonly #close: () => Promise<void>;

  constructor(use: Use<HttpClient>, close: () => Promise<void>) {
    this.#use = use;
    this.#close = close;
  }

  request(
    request: HttpRequest,
    options?: HttpRequestOptions & { maxBytes?: number | undefined },
  ): Promise<HttpResponse> {
    return this.#use((http) => http.request(request, options));
  }

  stream(request: HttpRequest, options?: HttpRequestOptions): Promise<HttpStreamResponse> {
    return this.#use((http) => http.stream(request, options));
  }

  /** Ends what is under way; other requests may be made afterwards. */
  close(): Promise<void> {
    return this.#close();
  }
}
