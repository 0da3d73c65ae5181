import type { HttpStreamResponse } from '../http/types.js';
import { asciiJson } from '../protocol/envelope.js';
import { toWireError } from '../protocol/errors.js';
import { MAX_BODY_DELTA_BYTES } from '../protocol/limits.js';
import type { Channel } from '../rpc/channel.js';
import { Credit } from '../rpc/credit.js';
import { sendPaced } from '../rpc/paced-send.js';
import { bodyDeltaFrame, bodyEndFrame } from './body-frames.js';
import type { UploadQueue } from './upload-queue.js';

export interface ExchangeOptions {
  requestId: string;
  /** Bytes of the body that may be sent at first. Default: all. */
  creditBytes?: number | undefined;
  upload?: UploadQueue | undefined;
  /** Tell what went wrong with the body. */
  details?: boolean | undefined;
}

/** One HTTP request of a connection, from its first byte to the last of its answer. */
export class HttpExchange {
  readonly requestId: string;
  /** The body that the client sends meanwhile. */
  readonly upload: UploadQueue | undefined;
  readonly credit: Credit;
  readonly #details: boolean;
  readonly #stop = new AbortController();

  constructor({ requestId, ...options }: ExchangeOptions) {
    this.requestId = requestId;
    this.#details = options.details ?? false;
    this.upload = options.upload;
    this.credit = new Credit(options.creditBytes ?? Number.POSITIVE_INFINITY);
  }

  /** Aborts when it is cancelled. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Closes the connection to the origin. Nothing is sent of the body any more. */
  cancel(): void {
    this.#stop.abort();
    this.release();
  }

  /** It is over: nobody waits for it, or sends to it, any more. */
  release(): void {
    this.upload?.end();
    this.credit.end();
  }

  /**
   * Sends the body as it comes: no faster than the channel takes it, and than credit allows. `ended` is called before the
   * last piece is sent. Never rejects: the last piece tells.
   */
  async sendBody({ body }: HttpStreamResponse, channel: Channel, ended: () => void): Promise<void> {
    const sender = new BodySender(this, channel);
    try {
      for await (const chunk of body) await sender.send(chunk);
      ended();
      if (!this.signal.aborted) channel.send(bodyEndFrame(this.requestId, sender.nextSeq));
    } catch (error) {
      ended();
      if (!this.signal.aborted)
        channel.send(
          bodyEndFrame(this.requestId, sender.nextSeq, { error: toWireError(error), details: this.#details }),
        );
    }
  }
}

class BodySender {
  nextSeq = 1;
  readonly #exchange: HttpExchange;
  readonly #channel: Channel;
  readonly #idJson: string;

  constructor(exchange: HttpExchange, channel: Channel) {
    this.#exchange = exchange;
    this.#channel = channel;
    this.#idJson = asciiJson(exchange.requestId);
  }

  send(chunk: Buffer): Promise<void> {
    const { credit, signal } = this.#exchange;
    return sendPaced(chunk, {
      channel: this.#channel,
      credit,
      maxBytes: MAX_BODY_DELTA_BYTES,
      stopped: () => signal.aborted,
      frame: (piece) => bodyDeltaFrame(this.#idJson, this.nextSeq++, piece),
    });
  }
}
