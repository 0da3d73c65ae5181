import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import { errnoOf } from '../../protocol/os-error.js';
import { KERNEL_BUFFER_BYTES, PACE_MS, QUIET_MS, READ_BYTES, SMALL_READ_BYTES, SMALL_READS } from './limits.js';

/** One buffer serves every reader: what arrives is copied out of it in the same tick. */
const shared = Buffer.allocUnsafe(READ_BYTES);

/** Copies, so that a one-line chunk does not keep 64 KiB alive. */
function keep(bytes: number): Buffer {
  return Buffer.from(shared.subarray(0, bytes));
}

/** What a look at a descriptor found: nothing more now, nothing more ever, or more than was asked for. */
type Look = 'empty' | 'ended' | 'more';

/** Takes what can be read from a non-blocking descriptor right now, up to about `maxBytes`. */
function drain(fd: number, take: (chunk: Buffer) => void, maxBytes: number): Look {
  let taken = 0;
  while (taken < maxBytes) {
    let bytes: number;
    try {
      bytes = readSync(fd, shared, 0, READ_BYTES, null);
    } catch (error) {
      const code = errnoOf(error);
      if (code === 'EAGAIN') return 'empty';
      if (code === 'EINTR') continue;
      return 'ended'; // EIO: the last holder of a terminal's other side has gone
    }
    if (bytes === 0) return 'ended';
    taken += bytes;
    take(keep(bytes));
  }
  return 'more';
}

/**
 * Reads the output of a child. What comes after a quiet moment is taken at once. A child that then goes on in small pieces
 * is looked at once a millisecond, and the pieces are taken together: a frame for every line of a shell loop would cost
 * the child itself half of its time on a small machine.
 */
export class OutputReader {
  readonly #fd: number;
  readonly #socket: Socket;
  readonly #take: (chunk: Buffer) => void;
  readonly #onEnd: () => void;
  #lastReadAt = 0;
  #smallReads = 0;
  #paceTimer: NodeJS.Timeout | undefined;
  #paused = false;
  #ended = false;

  /** `open` makes a socket over the descriptor with the options it is given; the descriptor is then the socket's. */
  constructor(fd: number, open: (options: object) => Socket, take: (chunk: Buffer) => void, onEnd: () => void) {
    this.#fd = fd;
    this.#take = take;
    this.#onEnd = onEnd;
    const callback = (bytes: number) => {
      this.#read(keep(bytes));
      return true;
    };
    this.#socket = open({ onread: { buffer: shared, callback } }); // one buffer, and nothing kept in the stream
    this.#socket.on('end', () => this.#end());
    this.#socket.on('error', () => this.#end()); // what cannot be read has no more to give
    this.#socket.on('close', () => this.#end());
    this.#socket.resume();
  }

  pause(): void {
    this.#paused = true;
    this.stop();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#ended) this.#socket.resume();
  }

  /** Leaves the descriptor alone, so that only `drain` takes from it. */
  stop(): void {
    clearTimeout(this.#paceTimer);
    this.#paceTimer = undefined;
    if (!this.#ended) this.#socket.pause();
  }

  /** Takes what is there now, without waiting for the event loop. Whoever goes on writing does not hold us here. */
  drainNow(): void {
    if (!this.#ended && drain(this.#fd, this.#take, KERNEL_BUFFER_BYTES) === 'ended') this.#end();
  }

  /** Takes what is there and gives the rest up. */
  release(): void {
    this.drainNow();
    this.#end();
  }

  /** The child has been given input: what it says next is an answer, and somebody is waiting for it. */
  expectAnswer(): void {
    this.#smallReads = 0;
    if (this.#paceTimer === undefined || this.#paused || this.#ended) return;
    clearTimeout(this.#paceTimer);
    this.#paceTimer = undefined;
    this.#socket.resume();
  }

  #read(chunk: Buffer): void {
    this.#take(chunk);
    const now = performance.now();
    const busy = chunk.length < SMALL_READ_BYTES && now - this.#lastReadAt < QUIET_MS;
    this.#smallReads = busy ? this.#smallReads + 1 : 0;
    this.#lastReadAt = now;
    if (this.#smallReads < SMALL_READS || this.#paused || this.#ended) return;
    this.#socket.pause();
    this.#paceTimer = setTimeout(() => this.#look(), PACE_MS);
  }

  #look(): void {
    this.#paceTimer = undefined;
    const chunks: Buffer[] = [];
    const look = drain(this.#fd, (chunk) => chunks.push(chunk), READ_BYTES);
    this.#lastReadAt = performance.now();
    if (chunks.length > 0) this.#take(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
    if (look === 'ended') this.#end();
    else if (this.#paused || this.#ended) return;
    else if (chunks.length > 0 && look === 'empty') this.#paceTimer = setTimeout(() => this.#look(), PACE_MS);
    else this.#socket.resume(); // quiet again, or so much that there is nothing to gather
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#paceTimer);
    this.#socket.destroy();
    this.#onEnd();
  }
}
