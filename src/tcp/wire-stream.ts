import { Duplex } from 'node:stream';
import { decodeBase64 } from '../protocol/base64.js';
import { asciiJson, encodeNotification } from '../protocol/envelope.js';
import { errnoOf } from '../protocol/os-error.js';
import type { StreamNotificationName } from '../protocol/tcp-methods.js';
import { ByteQueue } from '../rpc/byte-queue.js';
import type { Channel } from '../rpc/channel.js';
import { Credit } from '../rpc/credit.js';
import { sendPaced } from '../rpc/paced-send.js';
import { TcpStreamError } from './errors.js';
import { MAX_STREAM_PIECE_BYTES, STREAM_CREDIT_BYTES, STREAM_CREDIT_STEP_BYTES } from './limits.js';
import type { TcpStream } from './types.js';

/**
 * One end of a TCP stream that goes over a channel, side by side with others: what is written is sent as `tcp/data`, what
 * `receive…` is told can be read. The same at both ends of the channel.
 */
export class WireStream extends Duplex implements TcpStream {
  readonly streamId: string;
  readonly #channel: Channel;
  readonly #idJson: string;
  /** What the other end still lets us send. */
  readonly #credit = new Credit(0);
  readonly #arrived = new ByteQueue();
  /** What we still let the other end send, and what our reader has taken since it was last told. */
  #allowance = STREAM_CREDIT_BYTES;
  #takenBytes = 0;
  #readerWaits = false;
  #endSent = false;
  #endReceived = false;
  /** The other end has reset it, and need not be told. */
  #resetThere = false;
  #resetReason: Error | undefined;

  constructor(streamId: string, channel: Channel) {
    super();
    this.streamId = streamId;
    this.#channel = channel;
    this.#idJson = asciiJson(streamId);
  }

  resetAndDestroy(reason?: Error): this {
    this.#resetReason = reason;
    return this.destroy();
  }

  /** Throws for what breaks the protocol. */
  receiveData(base64: string): void {
    if (this.destroyed) return;
    const chunk = decodeBase64(base64);
    if (this.#endReceived) throw new Error('it came after tcp/end');
    if (chunk.length > this.#allowance) {
      throw new Error(`expected at most ${this.#allowance} bytes, got ${chunk.length}`);
    }
    if (chunk.length === 0) return;
    this.#allowance -= chunk.length;
    this.#arrived.add(chunk);
    this.#feedReader();
  }

  receiveEnd(): void {
    this.#endReceived = true;
    this.#feedReader();
  }

  receiveReset(message = 'the connection was reset', errno?: string): void {
    this.#resetThere = true;
    this.destroy(new TcpStreamError(message, errno));
  }

  addCredit(bytes: number): void {
    this.#credit.add(bytes);
  }

  override _read(): void {
    const chunk = this.#arrived.take();
    if (chunk) {
      this.#giveCredit(chunk.length);
      this.push(chunk);
    } else if (this.#endReceived) {
      this.push(null);
    } else {
      this.#readerWaits = true;
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    sendPaced(chunk, {
      channel: this.#channel,
      credit: this.#credit,
      maxBytes: MAX_STREAM_PIECE_BYTES,
      stopped: () => this.destroyed,
      frame: (piece) =>
        `{"method":"tcp/data","params":{"streamId":${this.#idJson},"chunk":"${piece.toString('base64')}"}}`,
    }).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#endSent = true;
    this.#notify('tcp/end', {});
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#credit.end();
    this.#arrived.clear();
    if (!this.#resetThere && !(this.#endSent && this.#endReceived)) {
      const reason = error ?? this.#resetReason;
      this.#notify('tcp/reset', reason ? { message: reason.message, errno: errnoOf(reason) } : {});
    }
    done(error);
  }

  #feedReader(): void {
    if (!this.#readerWaits) return;
    this.#readerWaits = false;
    this._read();
  }

  #giveCredit(taken: number): void {
    this.#takenBytes += taken;
    if (this.#endReceived || this.#takenBytes < STREAM_CREDIT_STEP_BYTES) return;
    this.#notify('tcp/credit', { bytes: this.#takenBytes });
    this.#allowance += this.#takenBytes;
    this.#takenBytes = 0;
  }

  #notify(method: StreamNotificationName, params: object): void {
    this.#channel.send(encodeNotification(method, { streamId: this.streamId, ...params }));
  }
}
