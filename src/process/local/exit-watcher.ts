import { type ExitStatus, endedBySignal, exitedWith, type Leader, UNKNOWN_EXIT } from './child.js';
import { type Libc, WNOHANG } from './libc.js';

/** SIGCHLD may be lost when somebody replaces our handler; a look this often finds the dead anyway. */
const SAFETY_LOOK_MS = 1_000;

type OnExit = (status: ExitStatus) => void;

/** Reaps the children that Node did not start and so does not know. */
export class ExitWatcher {
  readonly #libc: Libc;
  readonly #watched = new Map<number, OnExit>();
  readonly #status = new Int32Array(1);
  readonly #look = () => this.#reap();
  /** Also keeps the event loop alive while there are children, as a child of Node's own would. */
  #timer: NodeJS.Timeout | undefined;

  constructor(libc: Libc) {
    this.#libc = libc;
    // For good, not per child: a child may have ended before the line after its start.
    process.on('SIGCHLD', this.#look);
  }

  close(): void {
    process.off('SIGCHLD', this.#look);
  }

  /** A leader for a child that has just been started. Its exit is found at the first SIGCHLD after this tick. */
  leader(pid: number): Leader {
    return { pid, onExit: (listener) => this.#watch(pid, listener) };
  }

  #watch(pid: number, onExit: OnExit): void {
    if (this.#watched.size === 0) this.#timer = setInterval(this.#look, SAFETY_LOOK_MS);
    this.#watched.set(pid, onExit);
  }

  #reap(): void {
    for (const [pid, onExit] of this.#watched) {
      const reaped = this.#libc.waitpid(pid, this.#status, WNOHANG);
      if (reaped === 0) continue;
      this.#watched.delete(pid);
      onExit(reaped === pid ? decodeStatus(this.#status[0] ?? 0) : UNKNOWN_EXIT);
    }
    if (this.#watched.size === 0) clearInterval(this.#timer);
  }
}

/** The `wait` status word of Linux. */
export function decodeStatus(status: number): ExitStatus {
  const signal = status & 0x7f;
  return signal === 0 ? exitedWith((status >> 8) & 0xff) : endedBySignal(signal);
}
