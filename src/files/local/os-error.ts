import { ErrorCode, type ErrorData, invalidRequest, WireError } from '../../protocol/errors.js';
import { errnoOf as errnoOfSystemError, osErrorText } from '../../protocol/os-error.js';
import type { NativePath } from '../../protocol/paths.js';
import type { Wanted } from './access.js';

/** `ENOENT` and the like, of an error of node:fs or of one that `osError` has made from it. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof WireError)) return errnoOfSystemError(error);
  return typeof error.data.errno === 'string' ? error.data.errno : undefined;
}

/**
 * What node:fs threw, as it goes on the wire: the code by what went wrong, as on the real peers, the text of the
 * operating system and the path; `data` holds `path` and `errno`. A WireError is passed on as it is.
 */
export function osError(error: unknown, path: NativePath): WireError {
  if (error instanceof WireError) return error;
  const errno = errnoOfSystemError(error);
  // node:fs refuses such names itself, with a code of its own.
  if (errno === 'ERR_INVALID_ARG_VALUE') return nulInName(path, error);
  const isSystemError = errno !== undefined && !errno.startsWith('ERR_');
  const text = isSystemError ? osErrorText(errno) : String(error);
  const [code, kind] = meaningOf(errno);
  const data: ErrorData = { kind, path: path.toWellFormed(), errno };
  return new WireError(code, `${text}: ${path.toWellFormed()}`, data, { cause: error });
}

/** Lets an error of node:fs name the path that it is about. */
export async function atPath<T>(path: NativePath, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw osError(error, path);
  }
}

/** Marks what fails in `work` as a request that may have had part of its effect. */
export async function afterFirstChange<T>(path: NativePath, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code, message, data, cause } = osError(error, path);
    throw new WireError(code, message, { ...data, mayHaveExecuted: true }, { cause });
  }
}

/** The path leads to something that has no content of its own: a directory, a fifo, a device. */
export function notAFile(path: NativePath): WireError {
  return refused(`path \`${path.toWellFormed()}\` is not a file`, path);
}

/** The sandbox says no, whether or not something is there. */
export function sandboxDenied(path: NativePath, wanted: Wanted, detail = ''): WireError {
  const access = wanted === 'read' ? 'read' : 'write';
  const verb = { read: 'read', write: 'written', replace: 'removed or replaced' }[wanted];
  const message = `the sandbox does not let \`${path.toWellFormed()}\` be ${verb}${detail}`;
  return invalidRequest('sandbox_denied', message, { path: path.toWellFormed(), access });
}

export function symlinkRefused(path: NativePath): WireError {
  return invalidRequest(
    'symlink_refused',
    `\`${path.toWellFormed()}\` leads through a symbolic link, which \`followSymlinks: false\` does not allow`,
    { path: path.toWellFormed() },
  );
}

export function isSandboxDenied(error: unknown): boolean {
  return error instanceof WireError && error.kind === 'sandbox_denied';
}

/** A request that no state of the file system could make right. */
export function refused(message: string, path: NativePath): WireError {
  return invalidRequest('invalid_input', message, { path: path.toWellFormed() });
}

export function tooLarge(path: NativePath, limitBytes: number): WireError {
  return invalidRequest('too_large', `file is too large to read: limit is ${limitBytes} bytes`, {
    path: path.toWellFormed(),
    limitBytes,
  });
}

function nulInName(path: NativePath, cause: unknown): WireError {
  const data: ErrorData = { kind: 'invalid_input', path: path.toWellFormed(), errno: 'EINVAL' };
  return new WireError(ErrorCode.invalidRequest, 'file name contained an unexpected NUL byte', data, { cause });
}

function meaningOf(errno: string | undefined): [code: number, kind: ErrorData['kind']] {
  switch (errno) {
    case 'ENOENT':
      return [ErrorCode.notFound, 'not_found'];
    case 'EACCES':
    case 'EPERM':
      return [ErrorCode.invalidRequest, 'permission_denied'];
    case 'EINVAL':
      return [ErrorCode.invalidRequest, 'invalid_input'];
    default:
      return [ErrorCode.internal, 'io_error'];
  }
}
