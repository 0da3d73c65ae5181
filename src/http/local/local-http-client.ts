import { httpCancelled, httpFailed } from '../errors.js';
import { MAX_BUFFERED_BODY_BYTES } from '../limits.js';
import { readWhole } from '../read-whole.js';
import type { HttpClient, HttpRequest, HttpRequestOptions, HttpResponse, HttpStreamResponse } from '../types.js';
import { checkRequest, type OutgoingRequest } from './check-request.js';
import { exchange } from './exchange.js';
import { MAX_REDIRECTS } from './limits.js';
import { redirected, redirectTarget } from './redirect.js';
import { RequestLife } from './request-life.js';
import { discard, streamResponse } from './response.js';
import { Routes } from './routes.js';

export interface LocalHttpClientOptions {
  /** Holds proxies, extra certificates and the values of headers; read when a request needs it. Default: our own. */
  env?: NodeJS.ProcessEnv | undefined;
}

/** Makes HTTP/1.1 requests from here. Every origin has its own pool of connections, which are kept while they are used. */
export class LocalHttpClient implements HttpClient {
  readonly #env: NodeJS.ProcessEnv;
  readonly #routes: Routes;
  readonly #lives = new Set<RequestLife>();
  #closed = false;

  constructor({ env = process.env }: LocalHttpClientOptions = {}) {
    this.#env = env;
    this.#routes = new Routes(env);
  }

  async request(
    request: HttpRequest,
    { maxBytes = MAX_BUFFERED_BODY_BYTES, ...options }: HttpRequestOptions & { maxBytes?: number | undefined } = {},
  ): Promise<HttpResponse> {
    return await readWhole(await this.stream(request, options), maxBytes);
  }

  async stream(request: HttpRequest, options: HttpRequestOptions = {}): Promise<HttpStreamResponse> {
    const outgoing = checkRequest(request, this.#env);
    if (this.#closed) throw httpCancelled('came after its client was closed');
    const life = this.#begin(options);
    try {
      return await this.#follow(outgoing, life);
    } catch (error) {
      life.over();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const life of this.#lives) life.end(httpCancelled('was cancelled: its client was closed'));
    this.#routes.close();
  }

  #begin(options: HttpRequestOptions): RequestLife {
    const life = new RequestLife(options);
    this.#lives.add(life);
    life.whenOver(() => this.#lives.delete(life));
    return life;
  }

  async #follow(first: OutgoingRequest, life: RequestLife): Promise<HttpStreamResponse> {
    let outgoing = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      const response = await exchange(outgoing, this.#routes, life);
      const target = redirectTarget(outgoing, response);
      if (!target) return streamResponse(response, life);
      await discard(response, life);
      outgoing = redirected(outgoing, response.statusCode ?? 0, target);
    }
    throw httpFailed({
      reason: 'too_many_redirects',
      phase: 'headers',
      url: outgoing.url.href,
      text: `gave up after ${MAX_REDIRECTS}, at ${outgoing.url.href}`,
    });
  }
}
