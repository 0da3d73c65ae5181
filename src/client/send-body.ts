import type { HttpRequest } from '../http/types.js';
import { UPLOAD_CHUNK_BYTES, UPLOAD_CHUNKS_IN_FLIGHT } from './limits.js';
import type { SessionLink } from './session-link.js';

/**
 * Sends the body of a request after it, at the pace at which the server acknowledges it. Ends early when the server wants
 * no more of it. Rejects with what the body threw, the server's refusal, or the signal's reason.
 */
export async function sendBody(
  link: SessionLink,
  requestId: string,
  body: NonNullable<HttpRequest['body']>,
  signal: AbortSignal,
): Promise<void> {
  const sender = new ChunkSender(link, requestId, signal);
  for await (const chunk of Buffer.isBuffer(body) ? [body] : body) {
    for (let at = 0; at < chunk.length; at += UPLOAD_CHUNK_BYTES) {
      await sender.ready();
      if (!sender.wanted) return;
      sender.send(chunk.subarray(at, at + UPLOAD_CHUNK_BYTES), false);
    }
  }
  await sender.ready();
  if (sender.wanted) sender.send(Buffer.alloc(0), true);
  await sender.allAnswered();
}

class ChunkSender {
  wanted = true;
  readonly #link: SessionLink;
  readonly #requestId: string;
  readonly #signal: AbortSignal;
  readonly #inFlight = new Set<Promise<void>>();
  #seq = 0;
  #failure: { error: unknown } | undefined;

  constructor(link: SessionLink, requestId: string, signal: AbortSignal) {
    this.#link = link;
    this.#requestId = requestId;
    this.#signal = signal;
  }

  /** Resolves when another chunk may be sent. */
  async ready(): Promise<void> {
    while (this.#inFlight.size >= UPLOAD_CHUNKS_IN_FLIGHT) await Promise.race(this.#inFlight);
    this.#throwIfFailed();
  }

  async allAnswered(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.race(this.#inFlight);
    this.#throwIfFailed();
  }

  send(chunk: Buffer, done: boolean): void {
    const params = { requestId: this.#requestId, seq: ++this.#seq, deltaBase64: chunk.toString('base64'), done };
    const answered = this.#link
      .call('http/request/bodyChunk', params, { signal: this.#signal })
      .then(
        ({ accepted }) => {
          if (!accepted) this.wanted = false;
        },
        (error: unknown) => {
          this.#failure ??= { error };
        },
      )
      .finally(() => this.#inFlight.delete(answered));
    this.#inFlight.add(answered);
  }

  #throwIfFailed(): void {
    this.#signal.throwIfAborted();
    if (this.#failure) throw this.#failure.error;
  }
}
