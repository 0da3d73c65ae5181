import { closeSync, constants, openSync } from 'node:fs';
import { constants as os } from 'node:os';
import type { WireError } from '../../protocol/errors.js';
import { pathBytes } from '../../protocol/paths.js';
import type { TerminalSize } from '../../protocol/process-methods.js';
import {
  type Child,
  FIRST_INHERITED_FD,
  type Launcher,
  type LaunchParams,
  type Leader,
  type Pipe,
  type Stage,
} from './child.js';
import { ExitWatcher } from './exit-watcher.js';
import * as c from './libc.js';
import { spawnFailed } from './os-error.js';
import { PipeChild } from './pipe-child.js';
import { PtyChild } from './pty-child.js';
import { findProgram } from './resolve-program.js';

/** The lowest descriptor that a child must not inherit, unless it sets a stage. */
const FIRST_PRIVATE_FD = 3;

/** Where a stage has the streams of its program. */
const STAGED_STREAMS_FD = 3;

/** Above all that a stage is given, so that giving it one descriptor never overwrites another. */
const OUT_OF_THE_WAY_FD = 64;

/** A descriptor of ours, or what the child is to open. */
type Stream = number | { path: string; flags: number };

const NUL = Buffer.alloc(1);

const NO_INPUT: Stream = { path: '/dev/null', flags: constants.O_RDONLY };
const NOTHING: Stream = { path: '/dev/null', flags: constants.O_RDWR };

/** A path as C wants it. */
function cString(path: string): Buffer {
  return Buffer.concat([pathBytes(path), NUL]);
}

/** Starts children with posix_spawn. Linux with glibc 2.34 or newer. */
export class NativeLauncher implements Launcher {
  readonly #libc: c.Libc;
  readonly #exits: ExitWatcher;
  /** Session of its own, no blocked and no ignored signals: Node ignores SIGPIPE, which a child must not inherit. */
  readonly #attributes = Buffer.alloc(c.STRUCT_BYTES);

  constructor(libc: c.Libc) {
    this.#libc = libc;
    this.#exits = new ExitWatcher(libc);
    const none = Buffer.alloc(c.STRUCT_BYTES);
    // Every bit by hand: sigfillset leaves out the two signals that glibc keeps for itself, which then stay ignored.
    const all = Buffer.alloc(c.STRUCT_BYTES, 0xff);
    libc.posix_spawnattr_init(this.#attributes);
    libc.posix_spawnattr_setsigmask(this.#attributes, none);
    libc.posix_spawnattr_setsigdefault(this.#attributes, all);
    libc.posix_spawnattr_setflags(
      this.#attributes,
      c.POSIX_SPAWN_SETSID | c.POSIX_SPAWN_SETSIGDEF | c.POSIX_SPAWN_SETSIGMASK,
    );
  }

  async onPipes(launch: LaunchParams, pipeStdin: boolean): Promise<Child> {
    const opened: number[] = [];
    try {
      const stdin = pipeStdin ? this.#pipe(opened) : undefined;
      const stdout = this.#pipe(opened);
      const stderr = this.#pipe(opened);
      const input = stdin?.readFd ?? NO_INPUT;
      const leader = this.#spawn(launch, [input, stdout.writeFd, stderr.writeFd]);
      for (const fd of [stdin?.readFd, stdout.writeFd, stderr.writeFd]) if (fd !== undefined) closeSync(fd);
      return new PipeChild(leader, stdin?.writeFd, stdout.readFd, stderr.readFd);
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
  }

  async onTerminal(launch: LaunchParams, size: TerminalSize): Promise<Child> {
    const opened: number[] = [];
    try {
      const masterFd = this.#openMaster();
      opened.push(masterFd);
      const slavePath = this.#slaveOf(masterFd);
      // While we hold the other side too, the master never reports a hang-up, which libuv would take for the end of
      // output although there is more to read (https://github.com/libuv/libuv/issues/4992).
      const slaveFd = openSync(slavePath, constants.O_RDWR | constants.O_NOCTTY);
      opened.push(slaveFd);
      this.#setUp(masterFd, size);
      // The first terminal that a session leader opens becomes its controlling terminal, which a stage leaves to its program.
      const flags = launch.stage ? constants.O_RDWR | constants.O_NOCTTY : constants.O_RDWR;
      const leader = this.#spawn(launch, [{ path: slavePath, flags }]);
      return new PtyChild(leader, masterFd, slaveFd, (size) => this.#resize(masterFd, size));
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
  }

  async pipe(): Promise<Pipe> {
    return this.#pipe([]);
  }

  close(): Promise<void> {
    this.#exits.close();
    return Promise.resolve();
  }

  /** `streams`: stdin, stdout and stderr; fewer, and the first serves for the others. */
  #spawn(launch: LaunchParams, streams: readonly Stream[]): Leader {
    const { argv, arg0, cwd, env, stage } = launch;
    const program = findProgram(argv[0], cwd, env.PATH);
    const actions = Buffer.alloc(c.STRUCT_BYTES);
    const pid = new Int32Array(1);
    const libc = this.#libc;
    const moved: number[] = [];
    libc.posix_spawn_file_actions_init(actions);
    try {
      if (stage) this.#addStage(actions, stage, streams, moved);
      else this.#addStreams(actions, 0, streams);
      const lowest = stage ? FIRST_INHERITED_FD + stage.inheritedFds.length : FIRST_PRIVATE_FD;
      libc.posix_spawn_file_actions_addclosefrom_np(actions, lowest);
      libc.posix_spawn_file_actions_addchdir_np(actions, cString(cwd));
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      const errno = libc.posix_spawn(
        pid,
        cString(program),
        actions,
        this.#attributes,
        [arg0 ?? argv[0], ...argv.slice(1), null],
        [...variables, null],
      );
      if (errno !== 0) throw failure(errno, `program \`${program}\` in \`${cwd.toWellFormed()}\``);
    } finally {
      libc.posix_spawn_file_actions_destroy(actions);
      for (const fd of moved) closeSync(fd);
    }
    const leader = this.#exits.leader(pid[0] ?? 0);
    return stage?.follow(leader) ?? leader;
  }

  #addStreams(actions: Buffer, firstFd: number, streams: readonly Stream[]): void {
    for (let i = 0; i < 3; i++) {
      const stream = streams[i] ?? firstFd;
      if (typeof stream === 'number') this.#libc.posix_spawn_file_actions_adddup2(actions, stream, firstFd + i);
      else {
        const path = cString(stream.path);
        this.#libc.posix_spawn_file_actions_addopen(actions, firstFd + i, path, stream.flags, 0);
      }
    }
  }

  /** A stage on a terminal is on it too, since bubblewrap makes its stdout the sandbox's /dev/console. */
  #addStage(actions: Buffer, stage: Stage, streams: readonly Stream[], moved: number[]): void {
    const outOfTheWay = (fd: number) => {
      const copy = this.#libc.fcntl(fd, c.F_DUPFD_CLOEXEC, 'int', OUT_OF_THE_WAY_FD);
      if (copy < 0) throw spawnFailed('EMFILE', 'no descriptors for the child');
      moved.push(copy);
      return copy;
    };
    const theirs = streams.map((stream) => (typeof stream === 'number' ? outOfTheWay(stream) : stream));
    const others = [stage.messagesFd, ...stage.inheritedFds].map(outOfTheWay);
    this.#addStreams(actions, STAGED_STREAMS_FD, theirs);
    const onTerminal = streams.length === 1;
    this.#addStreams(actions, 0, [onTerminal ? STAGED_STREAMS_FD : NOTHING, 0, others[0] ?? 0]);
    others.slice(1).forEach((fd, i) => {
      this.#libc.posix_spawn_file_actions_adddup2(actions, fd, FIRST_INHERITED_FD + i);
    });
  }

  #pipe(opened: number[]): Pipe {
    const fds = new Int32Array(2);
    if (this.#libc.pipe2(fds, c.O_CLOEXEC) !== 0) throw spawnFailed('EMFILE', 'no pipe for the child');
    const [readFd = -1, writeFd = -1] = fds;
    opened.push(readFd, writeFd);
    return { readFd, writeFd };
  }

  #openMaster(): number {
    const masterFd = this.#libc.posix_openpt(
      constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | c.O_CLOEXEC,
    );
    if (masterFd < 0) throw spawnFailed('EAGAIN', 'no terminal is free');
    return masterFd;
  }

  #slaveOf(masterFd: number): string {
    const name = Buffer.alloc(128);
    const { grantpt, unlockpt, ptsname_r } = this.#libc;
    if (grantpt(masterFd) !== 0 || unlockpt(masterFd) !== 0 || ptsname_r(masterFd, name, name.length) !== 0) {
      throw spawnFailed('EIO', 'a terminal cannot be opened');
    }
    return name.toString('latin1', 0, name.indexOf(0));
  }

  #setUp(masterFd: number, size: TerminalSize): void {
    const termios = Buffer.alloc(c.STRUCT_BYTES);
    // Erasing deletes a character, not a byte of it.
    if (this.#libc.tcgetattr(masterFd, termios) === 0) {
      termios.writeUInt32LE(termios.readUInt32LE(0) | c.IUTF8, 0);
      this.#libc.tcsetattr(masterFd, c.TCSANOW, termios);
    }
    this.#resize(masterFd, size);
  }

  #resize(masterFd: number, { cols, rows }: TerminalSize): void {
    const winsize = Buffer.alloc(8); // rows, columns, and the pixels that nobody fills in
    winsize.writeUInt16LE(rows, 0);
    winsize.writeUInt16LE(cols, 2);
    this.#libc.ioctl(masterFd, c.TIOCSWINSZ, 'void *', winsize);
  }
}

function failure(errno: number, what: string): WireError {
  const name = Object.entries(os.errno).find(([, number]) => number === errno)?.[0];
  return spawnFailed(name ?? `errno ${errno}`, what);
}
