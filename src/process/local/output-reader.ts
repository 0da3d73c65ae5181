import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { errnoOf } from '../../protocol/os-error.js';
import { READ_BYTES } from './limits.js';

/** One buffer serves every reader: what arrives is copied out of it in the same tick. */
const shared = Buffer.allocUnsafe(READ_BYTES);

/** Copies, so that a one-line chunk does not keep 64 KiB alive. */
function keep(bytes: number): Buffer {
  return Buffer.from(shared.subarray(0, bytes));
}

/** What a look at a descriptor found. */
type Look = 'empty' | 'ended';

/** Takes all that can be read from a non-blocking descriptor right now. */
export function drain(fd: number, take: (chunk: Buffer) => void): Look {
  for (;;) {
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
    take(keep(bytes));
  }
}

/** Options that make a socket, over a pipe or a terminal, hand each read to `take` without buffering it. */
export function readInto(take: (chunk: Buffer) => void): object {
  return {
    onread: {
      buffer: shared,
      callback: (bytes: number) => {
        take(keep(bytes));
        return true;
      },
    },
  };
}

/** Reads one pipe to its end. */
export class PipeReader {
  readonly #fd: number;
  readonly #socket: Socket;
  readonly #take: (chunk: Buffer) => void;
  readonly #onEnd: () => void;
  #ended = false;

  constructor(fd: number, take: (chunk: Buffer) => void, onEnd: () => void) {
    this.#fd = fd;
    this.#take = take;
    this.#onEnd = onEnd;
    this.#socket = new Socket({ fd, readable: true, writable: false, ...readInto(take) });
    this.#socket.on('end', () => this.#end());
    this.#socket.on('error', () => this.#end()); // a pipe that cannot be read has no more to give
    this.#socket.on('close', () => this.#end());
    this.#socket.resume();
  }

  pause(): void {
    if (!this.#ended) this.#socket.pause();
  }

  resume(): void {
    if (!this.#ended) this.#socket.resume();
  }

  /** Takes what is in the pipe now, without waiting for the event loop. */
  drainNow(): void {
    if (!this.#ended && drain(this.#fd, this.#take) === 'ended') this.#end();
  }

  release(): void {
    this.drainNow();
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.destroy();
    this.#onEnd();
  }
}
