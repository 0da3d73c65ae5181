import { randomUUID } from 'node:crypto';
import { httpCancelled, httpFailed } from '../http/errors.js';
import type { HttpRequest, HttpRequestOptions, HttpStreamResponse } from '../http/types.js';
import { WireError } from '../protocol/errors.js';
import type { ParamsInput } from '../protocol/methods.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import { SessionLostError } from './errors.js';
import { asHttpFailure, showableUrl } from './http-failure.js';
import {
  BODY_CREDIT_BYTES,
  BODY_CREDIT_STEP_BYTES,
  BODY_HELD_MAX_BYTES,
  HELD_HIGH_WATER_BYTES,
  HELD_LOW_WATER_BYTES,
  HTTP_ANSWER_GRACE_MS,
  MAX_TIMER_MS,
} from './limits.js';
import { RemoteBody } from './remote-body.js';
import { sendBody } from './send-body.js';
import type { SessionLink } from './session-link.js';

/** A request as it goes on the wire, and what of its body follows it. */
export interface OutgoingHttpRequest {
  params: Omit<ParamsInput<'http/request'>, 'requestId'>;
  streamedBody: HttpRequest['body'];
}

/** One request that a server makes, until the last byte of its answer has come. */
export class RemoteExchange {
  readonly #link: SessionLink;
  readonly #requestId = randomUUID();
  readonly #request: OutgoingHttpRequest;
  readonly #url: string;
  readonly #body: RemoteBody;
  /** Ends it from our side; the reason is the error that it ends with. */
  readonly #stop = new AbortController();
  readonly #onOver: () => void;
  readonly #cleanups: (() => void)[] = [];
  #sent = false;
  #phase: 'headers' | 'body' = 'headers';
  #over = false;
  /** Bytes that were taken from the body since credit was last given. */
  #takenBytes = 0;

  constructor(link: SessionLink, request: OutgoingHttpRequest, onOver: () => void) {
    this.#link = link;
    this.#request = request;
    this.#url = showableUrl(request.params.url);
    this.#onOver = onOver;
    this.#body = new RemoteBody({
      held: (bytes, taken) => this.#bodyHeld(bytes, taken),
      failure: (error) => asHttpFailure(error, 'body', this.#url),
      unwanted: () => this.#cancelThere(),
      over: () => this.#finish(),
    });
  }

  /** Sends it. Resolves with the head of the answer. Whatever it rejects with, nothing of it is left. */
  async begin({ signal, timeoutMs }: HttpRequestOptions): Promise<HttpStreamResponse> {
    this.#link.bodies.add(this.#requestId, this.#body);
    if (signal) this.#follow(signal);
    if (timeoutMs !== undefined) this.#startDeadline(timeoutMs);
    try {
      this.#stop.signal.throwIfAborted();
      const { status, statusText, headers } = await this.#send();
      this.#phase = 'body';
      const cancel = () => this.#body.cancel();
      return {
        status,
        statusText: statusText ?? '',
        headers,
        body: this.#body,
        cancel,
        [Symbol.asyncDispose]: async () => cancel(),
      };
    } catch (error) {
      const why = error instanceof WireError ? asHttpFailure(error, 'headers', this.#url) : error;
      this.#body.fail(why as Error);
      if (isUnreadableAnswer(why)) this.#cancelThere();
      throw why;
    }
  }

  /** Ends it from our side. */
  end(error: WireError): void {
    if (this.#over) return;
    this.#stop.abort(error);
    this.#body.fail(error);
    this.#cancelThere();
  }

  #send() {
    const params: ParamsInput<'http/request'> = {
      ...this.#request.params,
      requestId: this.#requestId,
      streamResponse: true,
      ...(this.#announces('httpRequestCredit') ? { creditBytes: BODY_CREDIT_BYTES } : {}),
      ...(this.#announces('httpDetails') ? { details: true } : {}),
    };
    const answer = this.#link.call('http/request', params, {
      signal: this.#stop.signal,
      onSent: () => {
        this.#sent = true;
      },
    });
    const { streamedBody } = this.#request;
    if (streamedBody) {
      sendBody(this.#link, this.#requestId, streamedBody, this.#stop.signal).catch((error) =>
        this.#uploadFailed(error),
      );
    }
    return answer;
  }

  #uploadFailed(cause: unknown): void {
    // These concern the whole connection, which the answer tells too.
    if (cause instanceof ConnectionClosedError || cause instanceof SessionLostError) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    this.end(
      httpFailed({
        reason: 'request_body',
        phase: this.#phase,
        url: this.#url,
        text: `the request body failed: ${why}`,
        cause,
      }),
    );
  }

  /** With credit the server knows how far it may go; without, the whole connection is the only brake, and has an end. */
  #bodyHeld(bytes: number, taken: number): Error | undefined {
    if (this.#announces('httpRequestCredit')) {
      this.#giveCredit(taken);
      return undefined;
    }
    if (bytes >= HELD_HIGH_WATER_BYTES) this.#link.brake(this.#body, true);
    else if (bytes <= HELD_LOW_WATER_BYTES) this.#link.brake(this.#body, false);
    if (bytes <= BODY_HELD_MAX_BYTES) return undefined;
    const text =
      `more than ${BODY_HELD_MAX_BYTES} bytes wait for their reader, and this server does not pause a single body: ` +
      'read it faster';
    return httpFailed({ reason: 'other', phase: 'body', url: this.#url, text });
  }

  #giveCredit(taken: number): void {
    this.#takenBytes += taken;
    if (this.#over || this.#takenBytes < BODY_CREDIT_STEP_BYTES) return;
    const params = { requestId: this.#requestId, bytes: this.#takenBytes };
    this.#takenBytes = 0;
    this.#link.call('http/request/credit', params, { cleanup: true }).catch((error: unknown) => {
      this.#body.fail(error as Error); // without it no more would come; a cut has been told already
    });
  }

  /** Has the server close the connection to the origin. Of others, what still comes is dropped. */
  #cancelThere(): void {
    if (!this.#sent || !this.#announces('httpRequestCancel')) return;
    this.#link.call('http/request/cancel', { requestId: this.#requestId }, { cleanup: true }).catch(() => undefined); // a connection that has ended has cancelled it
  }

  #follow(signal: AbortSignal): void {
    const onAbort = () => this.end(httpCancelled('was cancelled by its signal', signal.reason));
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    this.#cleanups.push(() => signal.removeEventListener('abort', onAbort));
  }

  /** The server has the same deadline, and knows better what was missed: its own word is waited for a little. */
  #startDeadline(timeoutMs: number): void {
    const waitMs = timeoutMs + HTTP_ANSWER_GRACE_MS;
    if (waitMs > MAX_TIMER_MS) return;
    const timer = setTimeout(() => {
      const text = `timed out after ${timeoutMs} ms, of which the server did not tell`;
      this.end(httpFailed({ reason: 'timed_out', phase: this.#phase, url: this.#url, text }));
    }, waitMs);
    this.#cleanups.push(() => clearTimeout(timer));
  }

  #announces(capability: 'httpRequestCredit' | 'httpRequestCancel' | 'httpDetails'): boolean {
    return this.#link.traits.capabilities.has(capability);
  }

  #finish(): void {
    this.#over = true;
    this.#link.bodies.delete(this.#requestId);
    this.#link.brake(this.#body, false);
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#onOver();
  }
}

/** Then the body is on its way all the same. */
function isUnreadableAnswer(error: unknown): boolean {
  return error instanceof WireError && error.kind === 'internal' && error.data.mayHaveExecuted === true;
}
