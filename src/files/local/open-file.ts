import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { invalidRequest } from '../../protocol/errors.js';
import { MAX_BLOCK_BYTES } from '../../protocol/limits.js';
import type { NativePath } from '../../protocol/paths.js';
import type { OpenFile, OpenMode } from '../types.js';
import type { Access, Place } from './access.js';
import { openRegular } from './open-regular.js';
import { afterFirstChange, atPath, errnoOf, notAFile, osError } from './os-error.js';

/** Mode of a file that we create, less the umask. */
const CREATE_MODE = 0o644;

// Non-blocking, so that a fifo put there between two looks can hold no thread for ever.
const BASE_FLAGS = constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;

// `replace` truncates later: only once it is known that what was opened is a regular file.
const FLAGS = { replace: BASE_FLAGS | constants.O_WRONLY, update: BASE_FLAGS | constants.O_RDWR };

/**
 * Opens a regular file, links followed; anything else is refused, and never waited for. `replace` empties it at once and
 * keeps its mode; `replace` and `update` create it with 0644 less the umask. It stays that file, whatever is renamed or
 * swapped meanwhile. `followSymlinks` is the Access's. Throws WireError.
 */
export async function openFile(
  access: Access,
  path: NativePath,
  { mode = 'read' }: { mode?: OpenMode | undefined } = {},
): Promise<OpenFile> {
  if (mode === 'read') return new LocalOpenFile((await openRegular(access, path)).handle, path);
  const place = await atPath(path, access.creatable(path));
  try {
    return new LocalOpenFile(await openOrCreate(place, mode), path);
  } catch (error) {
    throw osError(error, path);
  } finally {
    place.release();
  }
}

async function openOrCreate(place: Place, mode: 'replace' | 'update'): Promise<FileHandle> {
  // Looked at first: opening alone wakes the reader of a fifo, or arms a watchdog.
  const before = await unlessMissing(place.stat());
  if (before && !before.isFile()) throw notAFile(place.path);
  const handle = await open(place.os, FLAGS[mode] | place.openFlags, CREATE_MODE);
  try {
    const stats = await handle.stat({ bigint: true });
    if (!stats.isFile()) throw notAFile(place.path);
    await place.confirm(stats);
    if (mode === 'replace') await handle.truncate(0);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

class LocalOpenFile implements OpenFile {
  readonly #handle: FileHandle;
  readonly #path: NativePath;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle, path: NativePath) {
    this.#handle = handle;
    this.#path = path;
  }

  async readBlock(offset: number, length: number): Promise<{ chunk: Buffer; eof: boolean }> {
    this.#checkBlock('read', offset, length);
    const buffer = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const read = this.#handle.read(buffer, filled, length - filled, offset + filled);
      const { bytesRead } = await atPath(this.#path, read);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { chunk: buffer.subarray(0, filled), eof: filled < length };
  }

  async writeBlock(offset: number, chunk: Buffer): Promise<void> {
    this.#checkBlock('write', offset, chunk.length);
    await afterFirstChange(this.#path, this.#writeAll(offset, chunk));
  }

  /** What is under way ends first. */
  close(): Promise<void> {
    this.#closing ??= atPath(this.#path, this.#handle.close());
    return this.#closing;
  }

  async #writeAll(offset: number, chunk: Buffer): Promise<void> {
    let done = 0;
    while (done < chunk.length) {
      const { bytesWritten } = await this.#handle.write(chunk, done, chunk.length - done, offset + done);
      done += bytesWritten;
    }
  }

  #checkBlock(what: 'read' | 'write', offset: number, length: number): void {
    const refuse = (message: string) => invalidRequest('invalid_input', message, { path: this.#path.toWellFormed() });
    if (!Number.isInteger(length) || length < 1 || length > MAX_BLOCK_BYTES) {
      throw refuse(`file ${what} block length must be between 1 and ${MAX_BLOCK_BYTES}`);
    }
    // To node:fs a negative offset means "where the last one ended".
    if (!Number.isSafeInteger(offset) || offset < 0) {
      throw refuse(`file ${what} block offset must be a whole number of bytes from 0, got ${offset}`);
    }
  }
}
