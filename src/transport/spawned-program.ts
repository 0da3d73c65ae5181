import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Channel, ChannelHandlers, CloseInfo } from '../rpc/channel.js';
import { DialError } from './dial-error.js';
import { LAST_WORDS_LENGTH, LAST_WORDS_MS, PROGRAM_EXIT_GRACE_MS, PROGRAM_TERM_GRACE_MS } from './limits.js';
import { LineChannel } from './line-channel.js';

export interface ProgramOptions {
  /** What to run: a path, or a name that is looked up in PATH. It speaks one JSON object per line on stdin and stdout. */
  program: string;
  args?: readonly string[] | undefined;
  /** Its whole environment. Default: ours. */
  env?: Readonly<Record<string, string>> | undefined;
  cwd?: string | undefined;
  /** What it says on stderr, as it comes. The last lines are also in the reason when the channel ends. */
  onStderr?: ((text: string) => void) | undefined;
  /** When it is closed: how long it may take to end once its stdin has ended, before TERM. Default 5 s. */
  exitGraceMs?: number | undefined;
  /** And from TERM to KILL. Default 2 s. */
  termGraceMs?: number | undefined;
}

type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** Starts a program and talks to it over its stdin and stdout. Throws DialError when it cannot be started. */
export async function spawnProgram(options: ProgramOptions): Promise<Channel> {
  const { program, args = [], env, cwd } = options;
  const failed = (error: unknown) => cannotStart(program, error);
  let child: Program;
  try {
    child = spawn(program, [...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true, // a process group of its own, so that all of it can be ended
      ...(env ? { env } : {}),
      ...(cwd === undefined ? {} : { cwd }),
    });
  } catch (error) {
    throw failed(error);
  }
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(failed(error)));
  });
  return new SpawnedProgram(child, options);
}

/** Arguments and environment may hold secrets, and errors get logged: Node's name the arguments, or quote the value it refuses. */
function cannotStart(program: string, error: unknown): DialError {
  const message = error instanceof Error ? error.message : String(error);
  const reason = message.replace(/\. Received .*$/s, '');
  if (reason !== message) return new DialError(`cannot start \`${program}\`: ${reason}`);
  if (error instanceof Error) delete (error as { spawnargs?: unknown }).spawnargs;
  return new DialError(`cannot start \`${program}\`: ${reason}`, { cause: error });
}

/** The channel to a program of ours. It ends when the program does, and the program ends with it. */
class SpawnedProgram implements Channel {
  readonly description: string;
  readonly #child: Program;
  readonly #lines: LineChannel;
  readonly #exited: Promise<void>;
  readonly #stderrEnded: Promise<void>;
  readonly #exitGraceMs: number;
  readonly #termGraceMs: number;
  #lastWords = '';
  /** We asked for the end, so the program may take its time to end well. */
  #closing = false;
  #killed = false;

  constructor(child: Program, options: ProgramOptions) {
    this.#child = child;
    this.#exitGraceMs = options.exitGraceMs ?? PROGRAM_EXIT_GRACE_MS;
    this.#termGraceMs = options.termGraceMs ?? PROGRAM_TERM_GRACE_MS;
    this.description = `stdio of ${options.program}`;
    this.#lines = new LineChannel(child.stdout, child.stdin, { description: this.description });
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
    });
    child.on('error', () => undefined); // a signal that could not be delivered; the exit tells the rest
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS_LENGTH);
      options.onStderr?.(text);
    });
    child.stderr.on('error', () => undefined); // 'close' follows, and what came before it is kept
    this.#stderrEnded = new Promise((resolve) => {
      child.stderr.once('close', resolve);
    });
  }

  start(handlers: ChannelHandlers): void {
    this.#lines.start({
      message: (text) => handlers.message(text),
      unreadable: (reason) => handlers.unreadable(reason),
      closed: (info) => void this.#end(info).then((described) => handlers.closed(described)),
    });
  }

  send(text: string, encoding?: 'utf8' | 'latin1'): void {
    this.#lines.send(text, encoding);
  }

  get queuedBytes(): number {
    return this.#lines.queuedBytes;
  }

  drained(): Promise<void> | undefined {
    return this.#lines.drained();
  }

  pauseReading(): void {
    this.#lines.pauseReading();
  }

  resumeReading(): void {
    this.#lines.resumeReading();
  }

  probe(): Promise<boolean> {
    return this.#lines.probe();
  }

  /** Ends its stdin, then TERM, then KILL. `closed` follows when it is gone. */
  close(code: number, reason: string): void {
    this.#closing = true;
    this.#lines.close(code, reason);
  }

  terminate(reason: string): void {
    this.#killed = true;
    this.#lines.terminate(reason);
  }

  /** The streams have ended. Sees to it that the program does too, and says how it ended. */
  async #end(info: CloseInfo): Promise<CloseInfo> {
    if (this.#closing) {
      await this.#stop(this.#exitGraceMs);
      return info;
    }
    if (this.#killed) {
      this.#signal('SIGKILL');
      await this.#exited;
      return info;
    }
    // It has died, or closed its stdout, which makes it useless: either way its last words are worth a moment.
    await within(LAST_WORDS_MS, Promise.all([this.#exited, this.#stderrEnded]));
    const reason = this.#describeEnd(info.reason); // before we end it, which is not what it ended by
    void this.#stop(0); // never rejects; nobody has to wait for a program that is of no use any more
    return { ...info, reason };
  }

  async #stop(graceMs: number): Promise<void> {
    if (!(await within(graceMs, this.#exited))) {
      this.#signal('SIGTERM');
      await within(this.#termGraceMs, this.#exited);
    }
    this.#signal('SIGKILL'); // also for what its leader has left behind in its group
    await this.#exited;
    this.#child.stderr.destroy();
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // ESRCH: the whole group is gone already, which is what was wanted
    }
  }

  #describeEnd(reason: string): string {
    const { exitCode, signalCode } = this.#child;
    const how =
      signalCode !== null
        ? `the program was killed by ${signalCode}`
        : exitCode !== null
          ? `the program exited with code ${exitCode}`
          : `the program closed its output (${reason})`;
    const words = this.#lastWords.trim();
    return words === '' ? `${how}; nothing on stderr` : `${how}; the end of its stderr: ${words}`;
  }
}

/** Whether the promise settled within the time. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}
