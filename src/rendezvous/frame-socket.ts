import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { CLOSE_TIMEOUT_MS } from '../transport/limits.js';
import { closeFrame, pingFrame } from './control-frame.js';
import { FrameCursor } from './frame-cursor.js';
import { TCP_KEEP_ALIVE_MS } from './limits.js';
import { Unmasker } from './unmasker.js';

/** What is read ahead of who takes it: one read of the socket. */
const READ_AHEAD_BYTES = 64 * 1024;

/**
 * A WebSocket client after the handshake, as a stream of frames: what is read is what it sends, unmasked; what is written
 * goes to it as it is. Reading ends with its close frame; a connection that ends without one destroys the stream, with no error:
 * `endReason` says why.
 */
export class FrameSocket extends Duplex {
  readonly #socket: Socket;
  readonly #unmasker = new Unmasker();
  /** Follows what is written, to know where a frame of our own fits in. */
  readonly #written = new FrameCursor({ masked: false });
  /** What we end with, as soon as it fits in; what is written after it is dropped. */
  #lastFrame: Buffer | undefined;
  #lastFrameSent = false;
  #endReason: string | undefined;

  /** `head`: what came right behind the request. */
  constructor(socket: Socket, head: Buffer) {
    super({ readableHighWaterMark: READ_AHEAD_BYTES });
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setTimeout(0);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    if (head.length > 0) socket.unshift(head);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('end', () => this.#ended('it ended without a close frame'));
    socket.on('error', (error) => this.#ended(error.message));
    socket.on('close', () => this.#ended('it was cut'));
    if (socket.destroyed) process.nextTick(() => this.cut('it was cut'));
  }

  /** Why it ended, unless it ended as it should, or was ended from here without a reason. */
  get endReason(): string | undefined {
    return this.#endReason;
  }

  /** Destroys it. */
  cut(reason: string): void {
    this.#endReason ??= reason;
    this.destroy();
  }

  /** Writes a control frame of our own; false: there is no room, in the middle of another one or after the last. */
  inject(frame: Buffer): boolean {
    if (!this.#written.atBoundary || this.#written.closed || this.#lastFrameSent || this.destroyed) return false;
    this.#socket.write(frame);
    return true;
  }

  /** Tells the other side why it is over. Its answer, a close frame, can still be read. */
  closeWith(code: number, reason: string): void {
    if (this.#lastFrame || this.destroyed) return;
    this.#endReason ??= reason;
    this.#lastFrame = closeFrame(code, reason);
    this.#lastFrameSent = this.inject(this.#lastFrame);
    setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  /** Is the other side alive: does anything come within the time, after a ping? Taken for alive while it cannot be asked. */
  probe(timeoutMs: number): Promise<boolean> {
    if (this.destroyed) return Promise.resolve(false);
    if (!this.inject(pingFrame()) || this.#socket.isPaused()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const settle = (alive: boolean) => {
        clearTimeout(timer);
        this.#socket.off('data', onData);
        this.off('close', onClose);
        resolve(alive);
      };
      const onData = () => settle(true);
      const onClose = () => settle(false);
      const timer = setTimeout(onClose, timeoutMs);
      this.#socket.on('data', onData);
      this.on('close', onClose);
    });
  }

  #receive(chunk: Buffer): void {
    if (this.#unmasker.closed) return;
    let frames: Buffer;
    try {
      frames = this.#unmasker.push(chunk);
    } catch (error) {
      this.cut(error instanceof Error ? error.message : String(error));
      return;
    }
    if (frames.length > 0 && !this.push(frames)) this.#socket.pause();
    if (!this.#unmasker.closed) return;
    this.push(null);
    this.#socket.resume(); // its end is to be seen
    this.emit('closeFrame');
  }

  #ended(reason: string): void {
    if (!this.#unmasker.closed) this.cut(reason);
    else if (!this.writableEnded) this.destroy(); // nobody is there to hear the rest
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#lastFrameSent) {
      done();
      return;
    }
    const boundary = this.#follow(chunk);
    if (this.#lastFrame && boundary !== undefined) {
      this.#lastFrameSent = true;
      this.#socket.write(Buffer.concat([chunk.subarray(0, boundary), this.#lastFrame]));
      done();
    } else if (this.#socket.write(chunk)) done();
    else this.#socket.once('drain', done);
  }

  /** Where in the chunk the last frame ends, if one does. */
  #follow(chunk: Buffer): number | undefined {
    const cursor = this.#written;
    let boundary: number | undefined;
    for (let at = 0; at < chunk.length; ) {
      if (cursor.payloadLeft === 0) {
        cursor.takeHeader(chunk[at++] ?? 0);
      } else {
        const passed = Math.min(cursor.payloadLeft, chunk.length - at);
        cursor.passPayload(passed);
        at += passed;
      }
      if (cursor.atBoundary) boundary = at;
    }
    return boundary;
  }

  /** All is written, a close frame at last. A WebSocket client waits for us to end, and may still have to answer with its own. */
  override _final(done: () => void): void {
    const end = () => {
      clearTimeout(timer);
      this.#socket.end(done);
    };
    const timer = setTimeout(() => this.destroy(), CLOSE_TIMEOUT_MS);
    if (this.#unmasker.closed) end();
    else this.once('closeFrame', end);
  }

  override _destroy(_error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(null); // `endReason` tells, and an error without a listener would end the process
  }
}
