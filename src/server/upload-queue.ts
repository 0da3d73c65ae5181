import { httpCancelled, httpFailed } from '../http/errors.js';
import { invalidParams, type WireError } from '../protocol/errors.js';
import { MAX_UPLOAD_QUEUE_BYTES } from './limits.js';

interface Waiting {
  chunk: Buffer;
  taken(accepted: boolean): void;
}

/**
 * The body of a request as it comes in, in chunks. Each is acknowledged when the origin's connection has taken it, which is
 * what paces the client. To be iterated once.
 */
export class UploadQueue implements AsyncIterableIterator<Buffer, undefined> {
  readonly #queue: Waiting[] = [];
  readonly #url: string;
  #queuedBytes = 0;
  #lastSeq = 0;
  /** `complete`: the last chunk has come; `over`: nobody takes any more. */
  #state: 'open' | 'complete' | 'over' = 'open';
  #failure: WireError | undefined;
  #wake: () => void = () => undefined;

  constructor(url: string) {
    this.#url = url;
  }

  /** Resolves with whether somebody has taken the chunk. Rejects, and fails the body, when it does not follow the one before. */
  add(seq: number, chunk: Buffer, done: boolean): Promise<boolean> {
    if (this.#state === 'over') return Promise.resolve(false);
    const wrong = this.#whatIsWrong(seq, chunk);
    if (wrong !== undefined) {
      this.#fail(wrong);
      return Promise.reject(invalidParams(`http/request/bodyChunk: ${wrong}`));
    }
    this.#lastSeq = seq;
    if (done) this.#state = 'complete';
    this.#queuedBytes += chunk.length;
    const taken = new Promise<boolean>((resolve) => {
      this.#queue.push({ chunk, taken: resolve });
    });
    this.#wake();
    return taken;
  }

  /** What has not been taken never will be. */
  end(): void {
    if (this.#state === 'over') return;
    if (this.#state === 'open') this.#failure ??= httpCancelled('was cancelled before its body was complete');
    this.#state = 'over';
    for (const { taken } of this.#queue.splice(0)) taken(false);
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Buffer, undefined>> {
    for (;;) {
      const waiting = this.#queue.shift();
      if (waiting) {
        this.#queuedBytes -= waiting.chunk.length;
        waiting.taken(true);
        if (waiting.chunk.length > 0) return { done: false, value: waiting.chunk };
      } else if (this.#failure) {
        throw this.#failure;
      } else if (this.#state !== 'open') {
        return { done: true, value: undefined };
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async return(): Promise<IteratorResult<Buffer, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  #whatIsWrong(seq: number, chunk: Buffer): string | undefined {
    if (this.#state === 'complete') return `seq ${seq} came after the last chunk, which was ${this.#lastSeq}`;
    if (seq !== this.#lastSeq + 1) return `expected seq ${this.#lastSeq + 1}, got ${seq}`;
    if (this.#queuedBytes + chunk.length > MAX_UPLOAD_QUEUE_BYTES) {
      return `more than ${MAX_UPLOAD_QUEUE_BYTES} bytes wait for the origin: wait for the answers to earlier chunks`;
    }
    return undefined;
  }

  #fail(why: string): void {
    this.#failure ??= httpFailed({ reason: 'request_body', phase: 'headers', url: this.#url, text: why });
    this.#wake();
  }
}
