import { Duplex } from 'node:stream';
import { Credit } from '../../rpc/credit.js';
import {
  MAX_STREAM_MESSAGE_BYTES,
  STREAM_MESSAGE_OVERHEAD_BYTES,
  STREAM_SILENT_HEARTBEATS,
  STREAM_WINDOW_BYTES,
} from './limits.js';
import { creditOf, encodeCredit, encodeStreamMessage, type StreamMessage } from './stream-message.js';

/** How a stream reaches its other end. What is sent arrives in this order, or not at all. */
export interface StreamLink {
  send(message: Buffer): void;
  /** The stream is no more; once. `reason`: why it was cut, undefined when both directions had ended or its user destroyed it. */
  closed(reason: string | undefined): void;
}

/**
 * A byte stream to another node, over messages that may get lost. It carries every byte in order, or is destroyed: without
 * an `error` (there is nothing to add to the `close` that comes without an `end`, and nobody may listen yet).
 *
 * The end that was asked accepts: it says nothing until it has heard the other one, which opens as soon as it has the answer.
 */
export class NatsStream extends Duplex {
  readonly #link: StreamLink;
  /** What the other end has made room for. */
  readonly #credit: Credit;
  #creditTotal: number;
  #sent = 0;
  #expected = 0;
  #heard: boolean;
  #silentHeartbeats = 0;
  #ended = { here: false, there: false };
  #cutBecause: string | undefined;

  readonly #queue: (Buffer | null)[] = [];
  #wanted = false;
  /** Of the queue and of all before it, with what each message costs beyond its bytes. */
  #received = 0;
  #consumed = 0;
  #granted = STREAM_WINDOW_BYTES;

  constructor(role: 'opens' | 'accepts', link: StreamLink) {
    super();
    this.#link = link;
    this.#heard = role === 'opens';
    this.#creditTotal = role === 'opens' ? STREAM_WINDOW_BYTES : 0;
    this.#credit = new Credit(this.#creditTotal);
    if (role === 'opens') link.send(encodeCredit(0, STREAM_WINDOW_BYTES));
  }

  /** A message of the other end has come. */
  receive(message: StreamMessage): void {
    if (this.destroyed || this.#isOver) return;
    const wrong = this.#take(message);
    if (wrong !== undefined) this.cut(wrong);
  }

  /** To be called every STREAM_HEARTBEAT_MS. */
  heartbeat(): void {
    if (this.#isOver) return;
    if (this.#silentHeartbeats++ >= STREAM_SILENT_HEARTBEATS) this.cut('nothing was heard from the other end');
    else if (this.#heard) this.#link.send(encodeCredit(this.#sent, this.#granted));
  }

  cut(reason: string): void {
    if (this.destroyed) return;
    this.#cutBecause = reason;
    this.destroy();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    void this.#send(chunk).then(() => done(), done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    void this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk))).then(() => done(), done);
  }

  override _final(done: () => void): void {
    this.#ended.here = true;
    this.#link.send(encodeStreamMessage('end', this.#sent++));
    done();
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#isOver) this.#link.send(encodeStreamMessage('reset', this.#sent));
    this.#queue.length = 0;
    this.#credit.end();
    this.#link.closed(this.#cutBecause);
    done(error);
  }

  /** Both directions have ended: the other end may be gone, while here something waits to be read. */
  get #isOver(): boolean {
    return this.#ended.here && this.#ended.there;
  }

  /** Undefined, or why the stream cannot go on. */
  #take(message: StreamMessage): string | undefined {
    const { kind, sequence, payload } = message;
    if (kind === 'reset') return 'the other end cut it';
    if (sequence !== this.#expected) return `expected message ${this.#expected}, got ${sequence}: something got lost`;
    this.#silentHeartbeats = 0;
    this.#heard = true;
    if (kind === 'credit') {
      this.#addCredit(creditOf(message));
      return undefined;
    }
    this.#expected++;
    if (kind === 'end') this.#ended.there = true;
    else this.#received += payload.length + STREAM_MESSAGE_OVERHEAD_BYTES;
    // A sender may go over by one message: see `#send`.
    if (this.#received > this.#granted + MAX_STREAM_MESSAGE_BYTES + STREAM_MESSAGE_OVERHEAD_BYTES) {
      return 'the other end sent more than there was room for';
    }
    this.#queue.push(kind === 'end' ? null : unpinned(payload));
    this.#deliver();
    return undefined;
  }

  async #send(bytes: Buffer): Promise<void> {
    for (let from = 0; from < bytes.length; from += MAX_STREAM_MESSAGE_BYTES) {
      if (this.#credit.bytes <= 0) await this.#credit.available();
      if (this.destroyed) return;
      const piece = bytes.subarray(from, from + MAX_STREAM_MESSAGE_BYTES);
      this.#credit.spend(piece.length + STREAM_MESSAGE_OVERHEAD_BYTES);
      this.#link.send(encodeStreamMessage('data', this.#sent++, piece));
    }
  }

  #addCredit(total: number): void {
    this.#credit.add(total - this.#creditTotal);
    this.#creditTotal = total;
  }

  #deliver(): void {
    while (this.#wanted) {
      const chunk = this.#queue.shift();
      if (chunk === undefined) break;
      if (chunk !== null) this.#consumed += chunk.length + STREAM_MESSAGE_OVERHEAD_BYTES;
      this.#wanted = this.push(chunk);
    }
    // Half a window at a time: the other end neither waits for it nor hears it with every message.
    if (this.#heard && this.#consumed + STREAM_WINDOW_BYTES / 2 >= this.#granted && !this.#ended.there) {
      this.#granted = this.#consumed + STREAM_WINDOW_BYTES;
      this.#link.send(encodeCredit(this.#sent, this.#granted));
    }
  }
}

/** A small message would keep alive the whole read of the socket that it came in. */
function unpinned(payload: Buffer): Buffer {
  return payload.length * 4 < payload.buffer.byteLength ? Buffer.from(payload) : payload;
}
