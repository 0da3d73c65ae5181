import { httpCancelled, httpFailed } from '../http/errors.js';
import { MAX_BUFFERED_BODY_BYTES } from '../http/limits.js';
import { readWhole } from '../http/read-whole.js';
import type { HttpClient, HttpRequest, HttpRequestOptions, HttpResponse, HttpStreamResponse } from '../http/types.js';
import { invalidParams, invalidRequest, WireError } from '../protocol/errors.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import { showableUrl } from './http-failure.js';
import { MAX_HTTP_ATTEMPTS } from './limits.js';
import { type OutgoingHttpRequest, RemoteExchange } from './remote-exchange.js';
import { mayRepeatHttp } from './repeatable.js';
import type { SessionLink } from './session-link.js';

/**
 * HTTP requests that a server makes. When the connection to it is cut, what has no answer yet is repeated if its method is
 * idempotent and its body in memory, else it rejects with ConnectionClosedError, `mayHaveExecuted: true`; a body that is
 * being read throws the same. Every answer is streamed on the wire, also that of `request`: no body is too large for it.
 *
 * A reader that stops pauses its origin and delays nobody else. Real servers cannot do that: with them reading from the
 * whole connection pauses while a body is 8 MiB ahead of its reader and no call is waiting, and beyond 32 MiB the body fails.
 */
export class RemoteHttpClient implements HttpClient {
  readonly #link: SessionLink;
  readonly #exchanges = new Set<RemoteExchange>();
  #closed = false;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  async request(
    request: HttpRequest,
    { maxBytes = MAX_BUFFERED_BODY_BYTES, ...options }: HttpRequestOptions & { maxBytes?: number | undefined } = {},
  ): Promise<HttpResponse> {
    return readWhole(await this.stream(request, options), maxBytes);
  }

  /** On servers without `httpStreamRequest` a streamed body is collected first, up to what fits one message. */
  async stream(request: HttpRequest, options: HttpRequestOptions = {}): Promise<HttpStreamResponse> {
    const { timeoutMs, signal } = options;
    if (timeoutMs !== undefined && !(timeoutMs > 0)) {
      throw invalidParams(`http/request timeoutMs must be at least 1, got ${timeoutMs}; leave it out for no limit`);
    }
    if (signal?.aborted) throw httpCancelled('was cancelled by its signal', signal.reason);
    const deadline = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
    const outgoing = await this.#prepare(request);
    for (let attempt = 1; ; attempt++) {
      // Attempts share one deadline.
      const leftMs = deadline === undefined ? undefined : Math.max(1, Math.ceil(deadline - performance.now()));
      try {
        return await this.#begin(outgoing, { signal, timeoutMs: leftMs });
      } catch (error) {
        const repeatable = attempt < MAX_HTTP_ATTEMPTS && mayRepeatHttp(request) && this.#cutButGoingOn(error);
        if (!repeatable) throw error;
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.cancelAll();
  }

  /** Ends what is under way, with kind `cancelled`. */
  cancelAll(): void {
    for (const exchange of [...this.#exchanges]) exchange.end(httpCancelled('was cancelled: its client was closed'));
  }

  async #begin(
    { params, streamedBody }: OutgoingHttpRequest,
    options: HttpRequestOptions,
  ): Promise<HttpStreamResponse> {
    if (this.#closed) throw httpCancelled('came after its client was closed');
    const timeout = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
    const request = { params: { ...params, ...timeout }, streamedBody };
    const exchange = new RemoteExchange(this.#link, request, () => this.#exchanges.delete(exchange));
    this.#exchanges.add(exchange);
    return exchange.begin(options);
  }

  #cutButGoingOn(error: unknown): boolean {
    const { status } = this.#link.state;
    const goesOn = status === 'connected' || status === 'recovering';
    return goesOn && error instanceof ConnectionClosedError && error.mayHaveExecuted;
  }

  async #prepare({ method, url, headers = [], redirectPolicy, body }: HttpRequest): Promise<OutgoingHttpRequest> {
    const params = { method, url, headers: [...headers], ...(redirectPolicy ? { redirectPolicy } : {}) };
    if (body === undefined) return { params, streamedBody: undefined };
    if (!Buffer.isBuffer(body)) takeOnce(body, url);
    const canStream = this.#link.traits.capabilities.has('httpStreamRequest');
    if (Buffer.isBuffer(body) ? body.length <= MAX_BUFFERED_BODY_BYTES : !canStream) {
      const whole = Buffer.isBuffer(body) ? body : await collect(body, url);
      return { params: { ...params, bodyBase64: whole.toString('base64') }, streamedBody: undefined };
    }
    if (!canStream) throw tooLargeToSend();
    if (Buffer.isBuffer(body) && !headers.some(({ name }) => name.toLowerCase() === 'content-length')) {
      params.headers.push({ name: 'content-length', value: String(body.length) });
    }
    return { params: { ...params, streamRequest: true }, streamedBody: body };
  }
}

const taken = new WeakSet<AsyncIterable<Buffer>>();

/** A body that has been iterated has nothing left, and must not be sent as if it were empty. */
function takeOnce(body: AsyncIterable<Buffer>, url: string): void {
  if (taken.has(body)) {
    const text = 'the body was streamed and cannot be sent twice; send it from a buffer';
    throw httpFailed({ reason: 'request_body', phase: 'connect', url: showableUrl(url), text });
  }
  taken.add(body);
}

async function collect(body: AsyncIterable<Buffer>, url: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MAX_BUFFERED_BODY_BYTES) throw tooLargeToSend();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof WireError) throw cause;
    const text = `the request body failed: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw httpFailed({ reason: 'request_body', phase: 'connect', url: showableUrl(url), text, cause });
  }
  return Buffer.concat(chunks, bytes);
}

function tooLargeToSend(): WireError {
  return invalidRequest(
    'too_large',
    `the request body is larger than ${MAX_BUFFERED_BODY_BYTES} bytes, and this server takes no streamed ones`,
  );
}
