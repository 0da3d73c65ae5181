import { invalidRequest } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';
import { BLOCKS_AHEAD, STREAM_BLOCK_BYTES, WHOLE_FILE_MAX_BYTES } from './limits.js';
import { openIfSupported } from './open-support.js';
import type { FileOptions, FileSystem, OpenFile } from './types.js';

export interface WriteStreamOptions extends FileOptions {
  /** Default `replace`. `update` keeps what is not written over. */
  mode?: 'replace' | 'update' | undefined;
  /** Byte to begin at. Default 0. */
  start?: number | undefined;
}

/**
 * Takes the content of a file, from `start` on. After a failure, what has been written so far stays; `write` and `close`
 * reject with it.
 */
export interface FileWriter {
  /** Bytes that are known to be written, without a gap, from `start` on. */
  readonly writtenBytes: number;
  /** Resolves when there is room for more. The bytes of `chunk` must stay as they are until `close`. */
  write(chunk: Buffer): Promise<void>;
  /** Resolves when everything is written and the file closed. Idempotent. */
  close(): Promise<void>;
  /** Writes nothing more, and resolves when the file is closed. Never rejects. */
  abort(): Promise<void>;
}

/**
 * Opens a file to be written in blocks of STREAM_BLOCK_BYTES, of which BLOCKS_AHEAD are on the way at once. Where files cannot be opened
 * (real servers up to 0.129), one that is replaced is written whole at `close`, up to WHOLE_FILE_MAX_BYTES. Rejects as
 * `open` does.
 */
export async function writeStream(
  files: FileSystem,
  path: NativePath,
  { mode = 'replace', start = 0, ...options }: WriteStreamOptions = {},
): Promise<FileWriter> {
  if (mode === 'update' || start > 0) return new BlockWriter(await files.open(path, { ...options, mode }), start);
  const file = await openIfSupported(files, path, { ...options, mode });
  return file
    ? new BlockWriter(file, start)
    : new WholeWriter(path, (content) => files.writeFile(path, content, options));
}

interface Sent {
  readonly bytes: number;
  isWritten: boolean;
  answered: Promise<void>;
}

class BlockWriter implements FileWriter {
  readonly #file: OpenFile;
  /** In the order in which they were sent; those behind may be answered first. */
  readonly #onTheWay: Sent[] = [];
  /** Less than a block that waits for more. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #offset: number;
  #writtenBytes = 0;
  #failure: { error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  constructor(file: OpenFile, start: number) {
    this.#file = file;
    this.#offset = start;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#closing) throw new Error('write after close: open the file again');
    this.#throwIfFailed();
    let rest = chunk;
    while (this.#waitingBytes + rest.length >= STREAM_BLOCK_BYTES) {
      const fitting = STREAM_BLOCK_BYTES - this.#waitingBytes;
      this.#gather(rest.subarray(0, fitting));
      rest = rest.subarray(fitting);
      await this.#sendWaiting();
    }
    if (rest.length > 0) this.#gather(rest);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async abort(): Promise<void> {
    this.#failure ??= { error: new Error('writing was aborted') };
    await this.close().catch(() => undefined); // who aborts knows
  }

  async #finish(): Promise<void> {
    try {
      if (!this.#failure && this.#waitingBytes > 0) await this.#sendWaiting();
      await Promise.all(this.#onTheWay.map(({ answered }) => answered));
    } finally {
      await this.#file.close();
    }
    this.#throwIfFailed();
  }

  #gather(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.length;
  }

  async #sendWaiting(): Promise<void> {
    const [only, ...more] = this.#waiting;
    const block = only && more.length === 0 ? only : Buffer.concat(this.#waiting, this.#waitingBytes);
    this.#waiting = [];
    this.#waitingBytes = 0;
    while (this.#onTheWay.length >= BLOCKS_AHEAD && !this.#failure) await this.#onTheWay[0]?.answered;
    this.#throwIfFailed();
    const sent: Sent = { bytes: block.length, isWritten: false, answered: Promise.resolve() };
    this.#onTheWay.push(sent);
    sent.answered = this.#send(block, sent);
  }

  /** Never rejects. */
  async #send(block: Buffer, sent: Sent): Promise<void> {
    const offset = this.#offset;
    this.#offset += block.length;
    try {
      await this.#file.writeBlock(offset, block);
      sent.isWritten = true;
    } catch (error) {
      this.#failure ??= { error };
    }
    while (this.#onTheWay[0]?.isWritten) this.#writtenBytes += this.#onTheWay.shift()?.bytes ?? 0;
  }

  #throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

class WholeWriter implements FileWriter {
  readonly #path: NativePath;
  readonly #writeFile: (content: Buffer) => Promise<void>;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #writtenBytes = 0;
  #closing: Promise<void> | undefined;

  constructor(path: NativePath, writeFile: (content: Buffer) => Promise<void>) {
    this.#path = path;
    this.#writeFile = writeFile;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#closing) throw new Error('write after close: open the file again');
    if (this.#bytes + chunk.length > WHOLE_FILE_MAX_BYTES) {
      await this.abort();
      const message = `this server cannot open files, only write them whole: \`${this.#path.toWellFormed()}\` may have at most ${WHOLE_FILE_MAX_BYTES} bytes`;
      throw invalidRequest('too_large', message, { path: this.#path.toWellFormed() });
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async abort(): Promise<void> {
    this.#closing ??= Promise.resolve();
    this.#chunks = [];
  }

  async #finish(): Promise<void> {
    await this.#writeFile(Buffer.concat(this.#chunks, this.#bytes));
    this.#writtenBytes = this.#bytes;
    this.#chunks = [];
  }
}
