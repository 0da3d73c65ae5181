import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { WireError } from '../../protocol/errors.js';
import { errnoOf } from '../../protocol/os-error.js';
import { pathBytes } from '../../protocol/paths.js';
import type { Child, ChildHandlers } from './child.js';
import type { FifoPool, Pipe } from './fifo-pool.js';
import { STDIN_HIGH_WATER_BYTES } from './limits.js';
import { spawnFailed } from './os-error.js';
import { PipeReader } from './output-reader.js';

export interface LaunchParams {
  argv: readonly [string, ...string[]];
  arg0: string | undefined;
  cwd: string;
  env: Record<string, string>;
}

/** Starts a child on pipes, the leader of a session and process group of its own. Throws a WireError of kind spawn_failed. */
export async function spawnOnPipes(launch: LaunchParams, pipeStdin: boolean, fifos: FifoPool): Promise<Child> {
  const pipes: Pipe[] = [];
  try {
    const stdout = await take(fifos, 'output', pipes);
    const stderr = await take(fifos, 'output', pipes);
    const stdin = pipeStdin ? await take(fifos, 'input', pipes) : undefined;
    const child = await launchProcess(launch, [stdin?.readFd ?? 'ignore', stdout.writeFd, stderr.writeFd]);
    for (const pipe of pipes) closeSync(pipe === stdin ? pipe.readFd : pipe.writeFd);
    return new PipeChild(child, stdin?.writeFd, stdout.readFd, stderr.readFd);
  } catch (error) {
    for (const { readFd, writeFd } of pipes) {
      closeSync(readFd);
      closeSync(writeFd);
    }
    throw error;
  }
}

async function take(fifos: FifoPool, direction: 'input' | 'output', pipes: Pipe[]): Promise<Pipe> {
  const pipe = await fifos.open(direction);
  pipes.push(pipe);
  return pipe;
}

interface LaunchedProcess {
  process: ChildProcess;
  pid: number;
}

async function launchProcess(launch: LaunchParams, stdio: (number | 'ignore')[]): Promise<LaunchedProcess> {
  const { argv, arg0, env } = launch;
  // Node takes a cwd as text only. A directory whose name is not UTF-8 is opened here and entered through /proc.
  const cwdFd = launch.cwd.isWellFormed()
    ? undefined
    : openSync(pathBytes(launch.cwd), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const child = spawn(argv[0], argv.slice(1), {
      argv0: arg0 ?? argv[0],
      cwd: cwdFd === undefined ? launch.cwd : `/proc/self/fd/${cwdFd}`,
      env,
      stdio,
      detached: true,
    });
    if (child.pid !== undefined) return { process: child, pid: child.pid };
    throw await new Promise<Error>((resolve) => child.once('error', resolve));
  } catch (error) {
    throw toSpawnFailure(error, argv[0]);
  } finally {
    if (cwdFd !== undefined) closeSync(cwdFd);
  }
}

function toSpawnFailure(error: unknown, program: string): WireError {
  return spawnFailed(errnoOf(error) ?? 'EINVAL', `program \`${program}\``);
}

class PipeChild implements Child {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #outputFds: [stdout: number, stderr: number];
  readonly #stdin: Socket | undefined;
  #stdinOpen: boolean;
  #readers: PipeReader[] = [];

  constructor(launched: LaunchedProcess, stdinFd: number | undefined, stdoutFd: number, stderrFd: number) {
    this.pid = launched.pid;
    this.#process = launched.process;
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
    this.#process.once('exit', (exitCode, signal) => {
      // What it wrote is in the pipes by now: taken first, so that output comes before exited wherever it can.
      for (const reader of this.#readers) reader.drainNow();
      exited = true;
      this.#stdin?.destroy();
      handlers.exited({ exitCode, signal });
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
