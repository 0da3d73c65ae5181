import { httpCancelled } from '../http/errors.js';
import { decodeBase64 } from '../protocol/base64.js';
import { ErrorCode, WireError } from '../protocol/errors.js';
import type { serverNotifications } from '../protocol/methods.js';
import { ByteQueue } from '../rpc/byte-queue.js';

export type BodyDelta = ReturnType<(typeof serverNotifications)['http/request/bodyDelta']['parse']>;

/** What becomes of a body concerns the request that it belongs to. */
export interface BodyHost {
  /** So many bytes wait for the reader, who has just taken `taken` of them. Returns why that is too much. */
  held(bytes: number, taken: number): Error | undefined;
  /** As it is to be thrown, of what the server said is wrong with the body. */
  failure(error: WireError): Error;
  /** Nothing more of it is wanted. Not called when it has come to its end, well or not. */
  unwanted(): void;
  /** Nothing more of it will come, or be taken. Called once. */
  over(): void;
}

/**
 * The body of an answer on its way from a server. What has come is handed out before the error that it ended with, if it
 * did. To be iterated once.
 */
export class RemoteBody implements AsyncIterableIterator<Buffer, undefined> {
  readonly #host: BodyHost;
  readonly #queue = new ByteQueue();
  #lastSeq = 0;
  /** Once nothing more comes. */
  #end: { error?: Error } | undefined;
  #wake: () => void = () => undefined;

  constructor(host: BodyHost) {
    this.#host = host;
  }

  /** Takes what the server sent. What comes after the end is late, and dropped. */
  deliver(delta: BodyDelta): void {
    if (this.#end) return;
    const { seq, done, error, errorData } = delta;
    try {
      if (seq !== this.#lastSeq + 1) throw outOfOrder(`expected seq ${this.#lastSeq + 1}, got ${seq}`);
      this.#lastSeq = seq;
      this.#add(decodeBase64(delta.deltaBase64, outOfOrder));
    } catch (wrong) {
      this.#abandon(wrong as Error);
      return;
    }
    if (typeof error === 'string') {
      const { message = error, ...data } = errorData ?? {};
      this.fail(this.#host.failure(WireError.fromWire({ code: ErrorCode.internal, message, data })));
    } else if (done) {
      this.#finish({});
    }
  }

  /** Nothing more comes. What has come before is still handed out. */
  fail(error: Error): void {
    if (!this.#end) this.#finish({ error });
  }

  /** Drops what has come; a read that waits fails with kind `cancelled`. */
  cancel(): void {
    if (this.#end && this.#queue.bytes === 0) return;
    const error = httpCancelled('was cancelled');
    this.#queue.clear();
    if (this.#end) this.#end = { error };
    else this.#abandon(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const value = this.#queue.take();
      if (value) {
        this.#host.held(this.#queue.bytes, value.length);
        return { done: false, value };
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    this.cancel();
    this.#end = {};
    return { done: true, value: undefined };
  }

  #add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#queue.add(chunk);
    const tooMuch = this.#host.held(this.#queue.bytes, 0);
    if (tooMuch) throw tooMuch;
    this.#wake();
  }

  #abandon(error: Error): void {
    this.#finish({ error });
    this.#host.unwanted();
  }

  #finish(end: { error?: Error }): void {
    this.#end = end;
    this.#wake();
    this.#host.over();
  }
}

function outOfOrder(what: string): WireError {
  const message = `failed to read http/request response body: the server broke the protocol of its pieces: ${what}`;
  return new WireError(ErrorCode.internal, message, {
    kind: 'http_failed',
    reason: 'other',
    phase: 'body',
    mayHaveExecuted: true,
  });
}
