import { accessSync, closeSync, constants, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { errnoOf } from '../../protocol/os-error.js';
import { pathBytes } from '../../protocol/paths.js';
import type { LaunchParams } from './child.js';
import { spawnFailed } from './os-error.js';

/** Where `execvp` looks when the environment has no PATH. */
export const DEFAULT_PATH = '/bin:/usr/bin';

/** The longest single argument or `NAME=value` that Linux takes: MAX_ARG_STRLEN, its NUL included. */
const MAX_ARGUMENT_BYTES = 131_072;

/**
 * Refuses what would make `exec` fail in a way that nobody could tell us. Throws a WireError of kind spawn_failed, worded
 * alike for pipes and terminals.
 */
export function checkLaunch({ argv, arg0, cwd, env }: LaunchParams): void {
  const texts = [...argv, arg0 ?? '', ...Object.entries(env).map(([name, value]) => `${name}=${value}`)];
  if ([cwd, ...texts].some((text) => text.includes('\0'))) {
    throw spawnFailed('EINVAL', 'nul byte found in provided data: argv, arg0, cwd and env must not hold one');
  }
  if (argv[0] === '') throw spawnFailed('ENOENT', 'missing program: argv[0] is empty');
  for (const text of texts) {
    if (text.length * 3 >= MAX_ARGUMENT_BYTES && Buffer.byteLength(text) >= MAX_ARGUMENT_BYTES) {
      const bytes = Buffer.byteLength(text);
      throw spawnFailed('E2BIG', `an argument or variable has ${bytes} bytes, at most ${MAX_ARGUMENT_BYTES - 1} fit`);
    }
  }
  checkDirectory(cwd);
}

function checkDirectory(cwd: string): void {
  try {
    if (!statSync(pathBytes(cwd)).isDirectory()) throw spawnFailed('ENOTDIR', `cwd \`${cwd.toWellFormed()}\``);
    accessSync(pathBytes(cwd), constants.X_OK);
  } catch (error) {
    const code = errnoOf(error);
    throw code ? spawnFailed(code, `cwd \`${cwd.toWellFormed()}\``) : error;
  }
}

/** The file that `execvp` would run. */
export function findProgram(program: string, cwd: string, path = DEFAULT_PATH): string {
  if (program.includes('/')) {
    const file = posix.resolve(cwd, program);
    const problem = problemWith(file);
    if (problem) throw spawnFailed(problem, `program \`${program}\``);
    return file;
  }
  let denied = false;
  for (const directory of path.split(':')) {
    const file = posix.resolve(cwd, directory, program);
    const problem = problemWith(file);
    if (!problem) return file;
    if (problem === 'EACCES') denied = true;
  }
  throw spawnFailed(denied ? 'EACCES' : 'ENOENT', `program \`${program}\` was looked for in PATH \`${path}\``);
}

function problemWith(file: string): string | undefined {
  try {
    if (!statSync(pathBytes(file)).isFile()) return 'EACCES';
    accessSync(pathBytes(file), constants.X_OK);
    return undefined;
  } catch (error) {
    return errnoOf(error) ?? 'EACCES';
  }
}

/**
 * Refuses a file that `exec` would refuse, for launchers that could not tell: `execvp` hands files of unknown format to
 * the shell, and after a fork onto a terminal there is nobody to report to.
 */
export function checkFormat({ argv, cwd, env }: LaunchParams): void {
  const file = findProgram(argv[0], cwd, env.PATH);
  const head = readHead(file);
  if (!head || head.subarray(0, 4).equals(Buffer.from('\x7fELF'))) return;
  if (head.subarray(0, 2).toString() !== '#!') {
    if (process.platform === 'linux' && !hasRegisteredFormats()) throw spawnFailed('ENOEXEC', `program \`${file}\``);
    return;
  }
  const line = head.toString('utf8', 2).split('\n', 1)[0] ?? '';
  const interpreter = line.trim().split(/[ \t]/, 1)[0] ?? '';
  const problem = interpreter === '' ? 'ENOEXEC' : problemWith(posix.resolve(cwd, interpreter));
  if (problem) throw spawnFailed(problem, `the interpreter \`${interpreter}\` of program \`${file}\``);
}

function readHead(file: string): Buffer | undefined {
  let fd: number;
  try {
    fd = openSync(pathBytes(file), 'r');
  } catch {
    return undefined; // executable but not readable: `exec` decides
  }
  try {
    const head = Buffer.alloc(256);
    return head.subarray(0, readSync(fd, head));
  } finally {
    closeSync(fd);
  }
}

/** Has somebody registered further formats (binfmt_misc)? Then `exec` decides. */
function hasRegisteredFormats(): boolean {
  try {
    return readdirSync('/proc/sys/fs/binfmt_misc').some((name) => name !== 'register' && name !== 'status');
  } catch {
    return false; // not mounted, so there are none
  }
}
