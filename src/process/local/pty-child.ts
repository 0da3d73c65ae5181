import { closeSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import { errnoOf } from '../../protocol/os-error.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import type { Child, ChildHandlers, ExitStatus, Leader } from './child.js';
import { PTY_TAIL_POLL_MS, PTY_WRITE_RETRY_MS, STDIN_HIGH_WATER_BYTES } from './limits.js';
import { OutputReader } from './output-reader.js';

const END_OF_TRANSMISSION = Buffer.from([0x04]);

/**
 * A child on a terminal. Its output is complete: the other side of the terminal is held open until the leader has gone
 * and everything it wrote has been read. The descriptors are its own from here on.
 */
export class PtyChild implements Child {
  readonly pid: number;
  readonly #masterFd: number;
  readonly #slaveFd: number;
  readonly #leader: Leader;
  readonly #setSize: (size: TerminalSize) => void;
  #reader: OutputReader | undefined;
  #handlers: ChildHandlers | undefined;
  #slaveHeld = true;
  #leaderGone = false;
  #ended = false;
  #paused = false;
  #tailTimer: NodeJS.Timeout | undefined;
  #unwritten: { chunk: Buffer; done: (taken: boolean) => void }[] = [];
  #unwrittenBytes = 0;
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(leader: Leader, masterFd: number, slaveFd: number, setSize: (size: TerminalSize) => void) {
    this.pid = leader.pid;
    this.#leader = leader;
    this.#setSize = setSize;
    this.#masterFd = masterFd;
    this.#slaveFd = slaveFd;
  }

  start(handlers: ChildHandlers): void {
    this.#handlers = handlers;
    const open = (options: object) => new ReadStream(this.#masterFd, options);
    this.#reader = new OutputReader(
      this.#masterFd,
      open,
      (chunk) => handlers.output('pty', chunk),
      () => this.#end(),
    );
    this.#leader.onExit((status) => this.#leaderExited(handlers, status));
  }

  get stdinOpen(): boolean {
    return !this.#leaderGone && !this.#ended;
  }

  write(chunk: Buffer): Promise<boolean> {
    if (!this.stdinOpen) return Promise.resolve(false);
    this.#reader?.expectAnswer();
    return new Promise((resolve) => {
      this.#unwritten.push({ chunk, done: resolve });
      this.#unwrittenBytes += chunk.length;
      if (this.#writeTimer === undefined) this.#writeOn();
      if (this.#unwrittenBytes <= STDIN_HIGH_WATER_BYTES) resolve(true);
    });
  }

  closeStdin(): void {
    void this.write(END_OF_TRANSMISSION);
  }

  resize(size: TerminalSize): void {
    if (!this.#ended) this.#setSize(size);
  }

  pause(): void {
    this.#paused = true;
    this.#reader?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#leaderGone) this.#pollTail();
    else this.#reader?.resume();
  }

  releaseOutput(): void {
    this.#reader?.release();
  }

  #leaderExited(handlers: ChildHandlers, status: ExitStatus): void {
    this.#leaderGone = true;
    // libuv must stop first, or it goes on taking bytes into a stream that nobody reads. Ours is the only certain
    // reading: EAGAIN from a terminal whose leader has gone means that all it wrote is taken.
    this.#reader?.stop();
    this.#reader?.drainNow();
    this.#dropUnwritten();
    handlers.exited(status);
    this.#releaseSlave();
    if (this.#ended) handlers.outputEnded();
    else this.#pollTail();
  }

  /** A grandchild may still write; when the last has gone, the master says EIO. */
  #pollTail(): void {
    clearTimeout(this.#tailTimer);
    if (this.#ended || this.#paused) return;
    this.#reader?.drainNow();
    if (!this.#ended) this.#tailTimer = setTimeout(() => this.#pollTail(), PTY_TAIL_POLL_MS);
  }

  /** libuv writes to a master in blocking mode, and a child that does not read would stop us all: so we write ourselves. */
  #writeOn(): void {
    this.#writeTimer = undefined;
    for (let next = this.#unwritten[0]; next; next = this.#unwritten[0]) {
      let written: number;
      try {
        written = writeSync(this.#masterFd, next.chunk);
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN') {
          this.#dropUnwritten();
          return;
        }
        written = 0;
      }
      this.#unwrittenBytes -= written;
      if (written < next.chunk.length) {
        next.chunk = next.chunk.subarray(written);
        this.#writeTimer = setTimeout(() => this.#writeOn(), PTY_WRITE_RETRY_MS);
        return;
      }
      this.#unwritten.shift();
      next.done(true);
    }
  }

  #dropUnwritten(): void {
    clearTimeout(this.#writeTimer);
    for (const { done } of this.#unwritten.splice(0)) done(false);
    this.#unwrittenBytes = 0;
  }

  #releaseSlave(): void {
    if (!this.#slaveHeld) return;
    this.#slaveHeld = false;
    closeSync(this.#slaveFd);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#tailTimer);
    this.#dropUnwritten();
    this.#releaseSlave();
    if (this.#leaderGone) this.#handlers?.outputEnded();
  }
}
