import { Socket } from 'node:net';
import type { Child, ChildHandlers, Leader } from './child.js';
import { STDIN_HIGH_WATER_BYTES } from './limits.js';
import { OutputReader } from './output-reader.js';

/** A child whose output comes through two pipes. The descriptors are its own from here on. */
export class PipeChild implements Child {
  readonly pid: number;
  readonly #leader: Leader;
  readonly #outputFds: [stdout: number, stderr: number];
  readonly #stdin: Socket | undefined;
  #readers: OutputReader[] = [];

  constructor(leader: Leader, stdinFd: number | undefined, stdoutFd: number, stderrFd: number) {
    this.pid = leader.pid;
    this.#leader = leader;
    this.#outputFds = [stdoutFd, stderrFd];
    if (stdinFd !== undefined) {
      this.#stdin = new Socket({ fd: stdinFd, readable: false, writable: true });
      this.#stdin.on('error', () => undefined); // EPIPE: the child has closed its end, which `writable` tells
    }
  }

  start(handlers: ChildHandlers): void {
    let open = 2;
    let exited = false;
    const checkEnd = () => {
      if (exited && open === 0) handlers.outputEnded();
    };
    const onEnd = () => {
      open--;
      checkEnd();
    };
    const [stdoutFd, stderrFd] = this.#outputFds;
    this.#readers = [
      new OutputReader(stdoutFd, pipeSocket(stdoutFd), (chunk) => handlers.output('stdout', chunk), onEnd),
      new OutputReader(stderrFd, pipeSocket(stderrFd), (chunk) => handlers.output('stderr', chunk), onEnd),
    ];
    this.#leader.onExit((status) => {
      // What it wrote is in the pipes by now: taken first, so that output comes before exited wherever it can.
      for (const reader of this.#readers) reader.drainNow();
      exited = true;
      this.#stdin?.destroy();
      handlers.exited(status);
      checkEnd();
    });
  }

  get stdinOpen(): boolean {
    return this.#stdin?.writable ?? false;
  }

  write(chunk: Buffer): Promise<boolean> {
    const stdin = this.#stdin;
    if (!stdin?.writable) return Promise.resolve(false);
    for (const reader of this.#readers) reader.expectAnswer();
    return new Promise((resolve) => {
      // Destroyed, a socket reports no error to the writes that it drops.
      stdin.write(chunk, (error) => resolve(!error && !stdin.destroyed));
      // A write that has failed already tells it to its callback, but later.
      if (stdin.writable && stdin.writableLength <= STDIN_HIGH_WATER_BYTES) resolve(true);
    });
  }

  closeStdin(): void {
    this.#stdin?.end();
  }

  resize(): void {
    // Pipes have no size; the process says so before it gets here.
  }

  pause(): void {
    for (const reader of this.#readers) reader.pause();
  }

  resume(): void {
    for (const reader of this.#readers) reader.resume();
  }

  releaseOutput(): void {
    for (const reader of this.#readers) reader.release();
  }
}

function pipeSocket(fd: number): (options: object) => Socket {
  return (options) => new Socket({ fd, readable: true, writable: false, ...options });
}
