import { Socket } from 'node:net';
import type { Child, ChildHandlers, Leader } from './child.js';
import { STDIN_HIGH_WATER_BYTES } from './limits.js';
import { PipeReader } from './output-reader.js';

/** A child whose output comes through two pipes. The descriptors are its own from here on. */
export class PipeChild implements Child {
  readonly pid: number;
  readonly #leader: Leader;
  readonly #outputFds: [stdout: number, stderr: number];
  readonly #stdin: Socket | undefined;
  #stdinOpen: boolean;
  #readers: PipeReader[] = [];

  constructor(leader: Leader, stdinFd: number | undefined, stdoutFd: number, stderrFd: number) {
    this.pid = leader.pid;
    this.#leader = leader;
    this.#outputFds = [stdoutFd, stderrFd];
    this.#stdinOpen = stdinFd !== undefined;
    if (stdinFd !== undefined) {
      this.#stdin = new Socket({ fd: stdinFd, readable: false, writable: true });
      const closed = () => {
        this.#stdinOpen = false;
      };
      this.#stdin.on('error', closed); // EPIPE: the child has closed its end; writes are answered stdinClosed from now on
      this.#stdin.on('close', closed);
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
      new PipeReader(stdoutFd, (chunk) => handlers.output('stdout', chunk), onEnd),
      new PipeReader(stderrFd, (chunk) => handlers.output('stderr', chunk), onEnd),
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
    return this.#stdinOpen;
  }

  write(chunk: Buffer): Promise<boolean> {
    const stdin = this.#stdin;
    if (!stdin || !this.#stdinOpen) return Promise.resolve(false);
    return new Promise((resolve) => {
      stdin.write(chunk, (error) => resolve(!error));
      if (stdin.writableLength <= STDIN_HIGH_WATER_BYTES) resolve(true);
    });
  }

  closeStdin(): void {
    this.#stdinOpen = false;
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
