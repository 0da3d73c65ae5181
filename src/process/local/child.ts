import { constants } from 'node:os';
import type { OutputStream, TerminalSize } from '../../protocol/process-methods.js';

/** How a child ended. */
export interface ExitStatus {
  /** 0 to 255; 128 + n when signal n ended it; -1 when nobody can know, because somebody else has reaped it. */
  exitCode: number;
  /** Such as SIGTERM, when a signal ended it. */
  signal: string | null;
}

export const UNKNOWN_EXIT: ExitStatus = { exitCode: -1, signal: null };

export function exitedWith(exitCode: number): ExitStatus {
  return { exitCode, signal: null };
}

export function endedBySignal(number: number): ExitStatus {
  const name = Object.entries(constants.signals).find(([, value]) => value === number)?.[0];
  return { exitCode: 128 + number, signal: name ?? `SIG${number}` };
}

/** What to run, with everything resolved. */
export interface LaunchParams {
  argv: readonly [string, ...string[]];
  arg0: string | undefined;
  cwd: string;
  env: Record<string, string>;
  /** `argv` sets the stage for another program, whose child this is to be. */
  stage?: Stage | undefined;
}

/**
 * How a program that starts another one somewhere else, such as bubblewrap, is run. It gets that program's stdin, stdout and
 * stderr as descriptors 3, 4 and 5. A terminal becomes nobody's controlling one: that is for the program to make it.
 */
export interface Stage {
  /** Its own stderr. */
  messagesFd: number;
  /** What else it gets, as descriptors 6, 7, … */
  inheritedFds: readonly number[];
  /** The leader that the child has, made in the tick in which the stage was started. */
  follow(leader: Leader): Leader;
}

/** The lowest descriptor of `Stage.inheritedFds`. */
export const FIRST_INHERITED_FD = 6;

/** Starts children, each the leader of a session and process group of its own. */
export interface Launcher {
  /** stdout and stderr on pipes, stdin on a pipe or /dev/null. Throws a WireError of kind spawn_failed. */
  onPipes(launch: LaunchParams, pipeStdin: boolean): Promise<Child>;
  /** On a terminal of its own. Throws a WireError of kind spawn_failed. */
  onTerminal(launch: LaunchParams, size: TerminalSize): Promise<Child>;
  /** For what a stage has to say. We read from it, without blocking; both ends are the caller's to close. */
  pipe(): Promise<Pipe>;
  close(): Promise<void>;
}

/** The two ends of a pipe. Both are ours to close. */
export interface Pipe {
  readFd: number;
  writeFd: number;
}

/** The process at the head of a child's session, and the news of its end, which comes once and never in the same tick. */
export interface Leader {
  pid: number;
  onExit(listener: (status: ExitStatus) => void): void;
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
