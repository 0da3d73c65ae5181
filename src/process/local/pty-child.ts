import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as os } from 'node:os';
import { ReadStream } from 'node:tty';
import { errnoOf } from '../../protocol/os-error.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import type { Child, ChildHandlers, ExitStatus } from './child.js';
import { PTY_TAIL_POLL_MS, PTY_WRITE_RETRY_MS, STDIN_HIGH_WATER_BYTES } from './limits.js';
import { spawnFailed } from './os-error.js';
import { drain, readInto } from './output-reader.js';
import type { LaunchParams } from './pipe-child.js';

/** The native part of @lydell/node-pty 1.1.0, as its own unixTerminal.js uses it. The version is pinned for that. */
interface NativePty {
  fork(
    file: string,
    args: string[],
    env: string[],
    cwd: string,
    cols: number,
    rows: number,
    uid: number,
    gid: number,
    utf8: boolean,
    helperPath: string,
    onExit: (exitCode: number, signal: number) => void,
  ): { fd: number; pid: number; pty: string };
  resize(fd: number, cols: number, rows: number): void;
}

export const DEFAULT_SIZE: TerminalSize = { cols: 80, rows: 24 };

const END_OF_TRANSMISSION = Buffer.from([0x04]);

let native: NativePty | undefined;
let helperPath = '';

/** Loaded on first use: a server that is never asked for a terminal pays nothing for it. */
function loadNative(): NativePty {
  if (native) return native;
  const require = createRequire(import.meta.url);
  const { requireBinary } = require('@lydell/node-pty/requireBinary.js') as { requireBinary(name: string): NativePty };
  if (process.platform === 'darwin')
    helperPath = require.resolve(`@lydell/node-pty-darwin-${process.arch}/spawn-helper`);
  native = requireBinary('pty.node');
  return native;
}

/** Starts a child on a terminal of its own, the leader of its session. Throws a WireError of kind spawn_failed. */
export function spawnOnTerminal(launch: LaunchParams, size: TerminalSize = DEFAULT_SIZE): Child {
  let onExit: (exitCode: number, signal: number) => void = () => undefined;
  const [file, ...args] = withArg0(launch);
  const env = Object.entries(launch.env).map(([name, value]) => `${name}=${value}`);
  let forked: ReturnType<NativePty['fork']>;
  let slaveFd: number;
  try {
    forked = loadNative().fork(
      file,
      args,
      env,
      launch.cwd,
      size.cols,
      size.rows,
      -1,
      -1,
      true,
      helperPath,
      (exitCode, signal) => onExit(exitCode, signal),
    );
    // While we hold the other side too, the master never reports a hang-up, which libuv would take for the end of
    // output although there is more to read (https://github.com/libuv/libuv/issues/4992).
    slaveFd = openSync(forked.pty, constants.O_RDWR | constants.O_NOCTTY);
  } catch (error) {
    throw spawnFailed(errnoOf(error) ?? 'EAGAIN', `no terminal for program \`${launch.argv[0]}\`: ${String(error)}`);
  }
  const child = new PtyChild(forked.pid, forked.fd, slaveFd);
  onExit = (exitCode, signal) => child.leaderExited(exitCode, signal);
  return child;
}

/** `forkpty` has no argv[0] of its own, bash's `exec -a` has. */
function withArg0({ argv, arg0 }: LaunchParams): [string, ...string[]] {
  if (arg0 === undefined || arg0 === argv[0]) return [...argv];
  return ['/bin/bash', '-c', 'exec -a "$0" -- "$@"', arg0, ...argv];
}

class PtyChild implements Child {
  readonly pid: number;
  readonly #masterFd: number;
  readonly #slaveFd: number;
  readonly #socket: ReadStream;
  #handlers: ChildHandlers | undefined;
  #earlyExit: [number, number] | undefined;
  #slaveHeld = true;
  #leaderGone = false;
  #ended = false;
  #paused = false;
  #tailTimer: NodeJS.Timeout | undefined;
  #unwritten: { chunk: Buffer; done: (taken: boolean) => void }[] = [];
  #unwrittenBytes = 0;
  #writeTimer: NodeJS.Timeout | undefined;

  constructor(pid: number, masterFd: number, slaveFd: number) {
    this.pid = pid;
    this.#masterFd = masterFd;
    this.#slaveFd = slaveFd;
    this.#socket = new ReadStream(
      masterFd,
      readInto((chunk) => this.#output(chunk)),
    );
    this.#socket.on('error', () => undefined); // the end of a terminal is found by draining it, not by its errors
  }

  start(handlers: ChildHandlers): void {
    this.#handlers = handlers;
    this.#socket.resume();
    if (this.#earlyExit) this.leaderExited(...this.#earlyExit);
  }

  get stdinOpen(): boolean {
    return !this.#leaderGone && !this.#ended;
  }

  write(chunk: Buffer): Promise<boolean> {
    if (!this.stdinOpen) return Promise.resolve(false);
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

  resize({ cols, rows }: TerminalSize): void {
    if (!this.#ended) loadNative().resize(this.#masterFd, cols, rows);
  }

  pause(): void {
    this.#paused = true;
    if (!this.#ended) this.#socket.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#ended) return;
    if (this.#leaderGone) this.#pollTail();
    else this.#socket.resume();
  }

  releaseOutput(): void {
    if (this.#ended) return;
    drain(this.#masterFd, (chunk) => this.#output(chunk));
    this.#end();
  }

  leaderExited(exitCode: number, signal: number): void {
    if (!this.#handlers) {
      this.#earlyExit = [exitCode, signal];
      return;
    }
    this.#leaderGone = true;
    if (this.#ended) {
      this.#handlers.exited(exitStatus(exitCode, signal));
      this.#handlers.outputEnded();
      return;
    }
    // libuv must stop first, or it goes on taking bytes into a stream that nobody reads.
    this.#socket.pause();
    // Ours is the only certain reading: EAGAIN from a terminal whose leader has gone means that all it wrote is taken.
    const look = drain(this.#masterFd, (chunk) => this.#output(chunk));
    this.#dropUnwritten();
    this.#handlers.exited(exitStatus(exitCode, signal));
    this.#releaseSlave();
    if (look === 'ended') this.#end();
    else this.#pollTail();
  }

  /** A grandchild may still write; when the last has gone, the master says EIO. */
  #pollTail(): void {
    clearTimeout(this.#tailTimer);
    if (this.#ended || this.#paused) return;
    if (drain(this.#masterFd, (chunk) => this.#output(chunk)) === 'ended') this.#end();
    else this.#tailTimer = setTimeout(() => this.#pollTail(), PTY_TAIL_POLL_MS);
  }

  #output(chunk: Buffer): void {
    this.#handlers?.output('pty', chunk);
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
    this.#socket.destroy();
    if (this.#leaderGone) this.#handlers?.outputEnded();
  }
}

function exitStatus(exitCode: number, signal: number): ExitStatus {
  const name = Object.entries(os.signals).find(([, number]) => number === signal)?.[0];
  return name === undefined ? { exitCode, signal: null } : { exitCode: null, signal: name as NodeJS.Signals };
}
