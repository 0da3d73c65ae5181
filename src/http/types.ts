/** One header line. Names are lower case in what comes back; values are text as it stood on the wire. */
export interface HttpHeader {
  name: string;
  value: string;
}

/** One header line to send. */
export interface HttpRequestHeader extends HttpHeader {
  /** An environment variable of the place where the request starts; its value is appended to `value` there. */
  valueEnvVar?: string | undefined;
}

/** What becomes of a 301, 302, 303, 307 or 308 with a Location: another request, or the answer as it is. */
export type RedirectPolicy = 'follow' | 'stop';

export interface HttpRequest {
  /** Sent as it is; methods are case-sensitive. */
  method: string;
  /** Absolute, http or https. User and password become `authorization: Basic …`; the fragment stays here. */
  url: string;
  /** In this order, repeats kept. Added, each unless given: `accept` for any type, `host`, the framing of the body. */
  headers?: readonly HttpRequestHeader[] | undefined;
  /** An iterable is sent at the origin's pace, chunked unless `content-length` is given, and never twice. */
  body?: Buffer | AsyncIterable<Buffer> | undefined;
  /** Default `follow`. */
  redirectPolicy?: RedirectPolicy | undefined;
}

export interface HttpRequestOptions {
  /** Gives the request up, and an answer that is still being read; both fail with kind `cancelled`. */
  signal?: AbortSignal | undefined;
  /** Until the last byte of the body, redirects included. Absent: no limit. 0 is refused. */
  timeoutMs?: number | undefined;
}

export interface HttpResponseHead {
  status: number;
  /** The reason phrase; empty where it is not told. */
  statusText: string;
  /** As they came, repeats kept. */
  headers: HttpHeader[];
}

/** An answer with its whole body, nothing decompressed. */
export interface HttpResponse extends HttpResponseHead {
  body: Buffer;
}

/**
 * An answer whose body is still coming. Holds a connection to the origin until the body has ended or been cancelled:
 * read it to its end, or `cancel()`.
 */
export interface HttpStreamResponse extends HttpResponseHead, AsyncDisposable {
  /**
   * The body, nothing decompressed, each piece as soon as it is there; to be iterated once. Not reading pauses the origin,
   * leaving the loop cancels. Throws a WireError when the body does not come to its end.
   */
  body: AsyncIterable<Buffer>;
  /** Closes the connection to the origin; a read that waits fails with kind `cancelled`. Idempotent, nothing after the end. */
  cancel(): void;
}

/** What went wrong between here and the origin: `data.reason` of an error of kind `http_failed`. */
export type HttpFailureReason =
  | 'connection_refused'
  | 'connection_reset'
  | 'name_not_found'
  | 'unreachable'
  | 'certificate'
  | 'tls'
  | 'timed_out'
  | 'malformed_response'
  | 'body_cut_short'
  | 'request_body'
  | 'proxy'
  | 'too_many_redirects'
  | 'redirect'
  | 'other';

/** How far it had come: `data.phase` of an error of kind `http_failed`. */
export type HttpPhase = 'connect' | 'headers' | 'body';

/**
 * Makes HTTP requests: from here, or from somewhere else. Every method rejects with a WireError: kind `invalid_params` for
 * what could never be sent, `cancelled` by the signal, else `http_failed` with `reason`, `phase`, and `mayHaveExecuted`
 * where the origin may have seen the request. A remote one rejects with ConnectionClosedError or SessionLostError when the
 * connection to the executor is what failed.
 */
export interface HttpClient {
  /** The whole answer. A body larger than `maxBytes` (default MAX_BUFFERED_BODY_BYTES) fails with kind `too_large`. */
  request(
    request: HttpRequest,
    options?: HttpRequestOptions & { maxBytes?: number | undefined },
  ): Promise<HttpResponse>;
  /** Resolves with status and headers; the body follows. */
  stream(request: HttpRequest, options?: HttpRequestOptions): Promise<HttpStreamResponse>;
  /** Ends what is under way, with kind `cancelled`, and the connections that are kept. Idempotent. */
  close(): Promise<void>;
}
