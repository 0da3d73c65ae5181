import type { OutputStream, TerminalSize } from '../../protocol/process-methods.js';

/** How a child ended, as the operating system tells it: one of the two. */
export interface ExitStatus {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
}

export interface ChildHandlers {
  /** The chunk is the receiver's to keep. */
  output(stream: OutputStream, chunk: Buffer): void;
  /** The leader has ended, and all that it had written has been handed to `output`. */
  exited(status: ExitStatus): void;
  /** The output has ended: nobody holds it any more. Comes after `exited`. */
  outputEnded(): void;
}

/** A child with its pipes or its terminal. */
export interface Child {
  readonly pid: number;
  start(handlers: ChildHandlers): void;
  /** Resolves when the bytes may be forgotten: taken by the child's pipe or, up to a limit, queued. False: nobody can read them. */
  write(chunk: Buffer): Promise<boolean>;
  closeStdin(): void;
  readonly stdinOpen: boolean;
  resize(size: TerminalSize): void;
  /** Stops and resumes reading its output; the child is held back by its full pipe. */
  pause(): void;
  resume(): void;
  /** Takes what is there and gives the output up, whoever else still holds it. */
  releaseOutput(): void;
}
