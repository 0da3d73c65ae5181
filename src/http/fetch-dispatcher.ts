import { asDispatchHandler } from './controlled-handler.js';
import type { ControlledHandler, DispatchHandler, DispatchOptions } from './dispatch-contract.js';
import { COLLECTED_BODY_BYTES } from './limits.js';
import type { HttpClient, HttpHeader, HttpRequest } from './types.js';

/** The network of Node's fetch: each request that it dispatches is made by an HttpClient. */
export class FetchDispatcher {
  readonly #httpClient: HttpClient;

  constructor(httpClient: HttpClient) {
    this.#httpClient = httpClient;
  }

  /** True: more may be dispatched at once. */
  dispatch(options: DispatchOptions, handler: DispatchHandler | ControlledHandler): boolean {
    const told = 'onRequestStart' in handler ? asDispatchHandler(handler) : handler;
    const aborting = new AbortController();
    this.#run(options, told, aborting).catch((error: unknown) => {
      told.onError(aborting.signal.aborted ? aborting.signal.reason : error);
    });
    return true;
  }

  async #run(options: DispatchOptions, handler: DispatchHandler, aborting: AbortController): Promise<void> {
    const { signal } = aborting;
    const pace = new Pace(signal);
    handler.onConnect((reason) =>
      aborting.abort(reason ?? new DOMException('The operation was aborted.', 'AbortError')),
    );
    signal.throwIfAborted();
    const response = await this.#httpClient.stream(await requestOf(options), { signal });
    handler.onHeaders(response.status, rawHeadersOf(response.headers), () => pace.resume(), response.statusText);
    for await (const chunk of response.body) {
      pace.pause();
      if (handler.onData(chunk) === false) await pace.resumed();
      signal.throwIfAborted();
    }
    handler.onComplete([]);
  }
}

/** Lets one side wait until the other, or the end of both, lets it go on. */
class Pace {
  #go: () => void = () => undefined;
  #resumed: Promise<void> = Promise.resolve();

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.resume(), { once: true });
  }

  pause(): void {
    this.#resumed = new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  resume(): void {
    this.#go();
  }

  resumed(): Promise<void> {
    return this.#resumed;
  }
}

async function requestOf(options: DispatchOptions): Promise<HttpRequest> {
  const headers = headersOf(options.headers);
  return {
    method: options.method,
    // Put together, not resolved: a path may begin with two slashes.
    url: `${options.origin}${options.path}`,
    headers,
    body: await bodyOf(options.body, headers),
    redirectPolicy: 'stop',
  };
}

/** fetch hands over a header as a character for each byte, an HttpClient wants text and sends it as UTF-8. */
function headersOf(headers: DispatchOptions['headers']): HttpHeader[] {
  if (!headers) return [];
  const entries = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return entries.flatMap(([name, values]) =>
    [values ?? []].flat().map((value) => ({ name, value: utf8OfBytes(value) })),
  );
}

function rawHeadersOf(headers: readonly HttpHeader[]): Buffer[] {
  return headers.flatMap(({ name, value }) => [Buffer.from(name), Buffer.from(value)]);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function utf8OfBytes(bytes: string): string {
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'));
  } catch (error) {
    if (error instanceof TypeError) return bytes;
    throw error;
  }
}

/** A body that says that it is small is collected: then it needs one message, and can be sent again. */
async function bodyOf(body: DispatchOptions['body'], headers: HttpHeader[]): Promise<HttpRequest['body']> {
  if (body === null || body === undefined) return undefined;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return bufferOf(body);
  const length = headers.find(({ name }) => name.toLowerCase() === 'content-length')?.value;
  if (length === undefined || Number(length) > COLLECTED_BODY_BYTES) return buffers(body);
  const chunks: Buffer[] = [];
  for await (const chunk of buffers(body)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* buffers(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void> {
  for await (const chunk of body) yield bufferOf(chunk);
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
