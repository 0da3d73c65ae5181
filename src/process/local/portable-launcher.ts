import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants as os } from 'node:os';
import type { WireError } from '../../protocol/errors.js';
import { errnoOf } from '../../protocol/os-error.js';
import { pathBytes } from '../../protocol/paths.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import {
  type Child,
  type ExitStatus,
  endedBySignal,
  exitedWith,
  type Launcher,
  type LaunchParams,
  type Leader,
  type Pipe,
} from './child.js';
import { FifoPool } from './fifo-pool.js';
import { spawnFailed } from './os-error.js';
import { PipeChild } from './pipe-child.js';
import { PtyChild } from './pty-child.js';
import { checkFormat } from './resolve-program.js';

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
  open(cols: number, rows: number): { master: number; slave: number; pty: string };
  resize(fd: number, cols: number, rows: number): void;
}

/**
 * Starts children with what Node and node-pty offer on every system. Against the native launcher it falls short in that
 * starts get slower as the server's memory grows, and that children inherit the masters of terminals that are open.
 */
export class PortableLauncher implements Launcher {
  readonly #fifos: FifoPool;
  #native: { pty: NativePty; helperPath: string } | undefined;

  /** `directory`: where it may make its fifos. */
  constructor(directory: string) {
    this.#fifos = new FifoPool(directory);
  }

  async onPipes(launch: LaunchParams, pipeStdin: boolean): Promise<Child> {
    checkFormat(launch);
    const pipes: Pipe[] = [];
    const take = async (direction: 'input' | 'output') => {
      const pipe = await this.#fifos.open(direction);
      pipes.push(pipe);
      return pipe;
    };
    try {
      const stdout = await take('output');
      const stderr = await take('output');
      const stdin = pipeStdin ? await take('input') : undefined;
      const leader = await spawnLeader(launch, [stdin?.readFd ?? 'ignore', stdout.writeFd, stderr.writeFd]);
      for (const pipe of pipes) closeSync(pipe === stdin ? pipe.readFd : pipe.writeFd);
      return new PipeChild(leader, stdin?.writeFd, stdout.readFd, stderr.readFd);
    } catch (error) {
      for (const { readFd, writeFd } of pipes) {
        closeSync(readFd);
        closeSync(writeFd);
      }
      throw error;
    }
  }

  async onTerminal(launch: LaunchParams, size: TerminalSize): Promise<Child> {
    checkFormat(launch);
    checkSize(launch);
    return launch.stage ? this.#stagedOnTerminal(launch, size) : this.#forkedOnTerminal(launch, size);
  }

  pipe(): Promise<Pipe> {
    return this.#fifos.open('output');
  }

  async #stagedOnTerminal(launch: LaunchParams, { cols, rows }: TerminalSize): Promise<Child> {
    const { pty } = this.#loadPty();
    const { master, slave } = pty.open(cols, rows);
    try {
      const leader = await spawnLeader(launch, [slave, slave, slave], [slave, slave]);
      return new PtyChild(leader, master, slave, (size) => pty.resize(master, size.cols, size.rows));
    } catch (error) {
      closeSync(master);
      closeSync(slave);
      throw error;
    }
  }

  #forkedOnTerminal(launch: LaunchParams, { cols, rows }: TerminalSize): Child {
    const [file, ...args] = withArg0(launch);
    const env = Object.entries(launch.env).map(([name, value]) => `${name}=${value}`);
    let report: (status: ExitStatus) => void = () => undefined;
    const onExit = (exitCode: number, signal: number) => report(signal ? endedBySignal(signal) : exitedWith(exitCode));
    try {
      const { pty, helperPath } = this.#loadPty();
      const {
        fd,
        pid,
        pty: slave,
      } = withCwdAsText(launch.cwd, (cwd) =>
        pty.fork(file, args, env, cwd, cols, rows, -1, -1, true, helperPath, onExit),
      );
      const leader: Leader = {
        pid,
        onExit(listener) {
          report = listener;
        },
      };
      // Held for the reason that the native launcher gives.
      const slaveFd = openSync(slave, constants.O_RDWR | constants.O_NOCTTY);
      return new PtyChild(leader, fd, slaveFd, (size) => pty.resize(fd, size.cols, size.rows));
    } catch (error) {
      throw spawnFailed(errnoOf(error) ?? 'EAGAIN', `no terminal for program \`${launch.argv[0]}\`: ${String(error)}`);
    }
  }

  close(): Promise<void> {
    return this.#fifos.close();
  }

  /** Loaded on first use: a server that is never asked for a terminal pays nothing for it. */
  #loadPty() {
    if (this.#native) return this.#native;
    const require = createRequire(import.meta.url);
    const { requireBinary } = require('@lydell/node-pty/requireBinary.js') as {
      requireBinary(name: string): NativePty;
    };
    const mac = process.platform === 'darwin';
    const helperPath = mac ? require.resolve(`@lydell/node-pty-darwin-${process.arch}/spawn-helper`) : '';
    this.#native = { pty: requireBinary('pty.node'), helperPath };
    return this.#native;
  }
}

/** No system allows less than this for arguments and environment together. */
const SURELY_FITS_BYTES = 64 * 1024;

/** How much fits depends on the system and its limits, and after a fork onto a terminal nobody tells us: so it is tried out. */
function checkSize({ argv, arg0, env }: LaunchParams): void {
  const texts = [...argv, arg0 ?? '', ...Object.entries(env).flat()];
  if (texts.reduce((bytes, text) => bytes + 8 + text.length * 3, 0) < SURELY_FITS_BYTES) return;
  const { error } = spawnSync('/bin/sh', ['-c', ':', ...argv, arg0 ?? ''], { env, stdio: 'ignore' });
  if (error) throw cannotSpawn(error, argv[0]);
}

function cannotSpawn(error: unknown, program: string): WireError {
  return spawnFailed(errnoOf(error) ?? 'EINVAL', `program \`${program}\``);
}

/** `forkpty` has no argv[0] of its own, bash's `exec -a` has. */
function withArg0({ argv, arg0, env }: LaunchParams): [string, ...string[]] {
  if (arg0 === undefined || arg0 === argv[0]) return [...argv];
  return ['/bin/bash', '-p', '-c', `${undoBash(env)} exec -a "$0" -- "$@"`, arg0, ...argv];
}

/** What bash changes in the environment of its own accord, put back as it was. `exec` takes one off SHLVL, set or not. */
function undoBash(env: Record<string, string>): string {
  const restore = (name: string, value: string | undefined, otherwise: string) =>
    value === undefined ? otherwise : `export ${name}='${value.replaceAll("'", "'\\''")}';`;
  return [
    restore('PWD', env.PWD, 'unset PWD;'),
    restore('OLDPWD', env.OLDPWD, 'unset OLDPWD;'),
    restore('SHLVL', env.SHLVL && String(Number(env.SHLVL) + 1), 'unset SHLVL; SHLVL=();'), // an array is never exported
  ].join(' ');
}

/** Node and node-pty take a cwd as text only. A directory whose name is not UTF-8 is opened here and entered through /proc. */
function withCwdAsText<T>(cwd: string, start: (cwd: string) => T): T {
  if (cwd.isWellFormed()) return start(cwd);
  const fd = openSync(pathBytes(cwd), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return start(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/** `streams`: stdin, stdout and stderr; `own`: those of a stage itself but for stderr, by default none. */
async function spawnLeader(
  launch: LaunchParams,
  streams: (number | 'ignore')[],
  own: (number | 'ignore')[] = ['ignore', 'ignore'],
): Promise<Leader> {
  const { argv, arg0, env, stage } = launch;
  const nothing = openSync('/dev/null', constants.O_RDWR); // beyond stderr, Node does not open it for a child
  const stdio = stage
    ? [...own, stage.messagesFd, ...streams.map((s) => (s === 'ignore' ? nothing : s)), ...stage.inheritedFds]
    : streams;
  try {
    const child = withCwdAsText(launch.cwd, (cwd) =>
      spawn(argv[0], argv.slice(1), { argv0: arg0 ?? argv[0], cwd, env, stdio, detached: true }),
    );
    if (child.pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve));
    const leader = leaderOf(child, child.pid);
    return stage?.follow(leader) ?? leader;
  } catch (error) {
    throw cannotSpawn(error, argv[0]);
  } finally {
    closeSync(nothing);
  }
}

function leaderOf(child: ChildProcess, pid: number): Leader {
  return {
    pid,
    onExit(listener) {
      child.once('exit', (exitCode, signal) => {
        listener(signal ? endedBySignal(os.signals[signal]) : exitedWith(exitCode ?? 0));
      });
    },
  };
}
