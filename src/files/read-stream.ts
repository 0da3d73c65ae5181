import type { NativePath } from '../protocol/paths.js';
import { BLOCKS_AHEAD, STREAM_BLOCK_BYTES, WHOLE_FILE_MAX_BYTES } from './limits.js';
import { openIfSupported } from './open-support.js';
import type { FileOptions, FileSystem, OpenFile } from './types.js';

export interface ReadStreamOptions extends FileOptions {
  /** Byte to begin at. Default 0. */
  start?: number | undefined;
  /** Ends the stream with its reason. */
  signal?: AbortSignal | undefined;
}

type Block = Awaited<ReturnType<OpenFile['readBlock']>>;

/**
 * The content of a regular file in chunks of at most STREAM_BLOCK_BYTES, none of them empty. Once the first block shows that there is
 * more, BLOCKS_AHEAD are asked for at once; who does not pull holds back the rest. It ends where the file ended when that
 * was read. Where files cannot be opened (real servers up to 0.129), one of at most WHOLE_FILE_MAX_BYTES is read whole.
 * Throws what `open` and `readBlock` reject with.
 */
export async function* readStream(
  files: FileSystem,
  path: NativePath,
  options: ReadStreamOptions = {},
): AsyncGenerator<Buffer, void> {
  const { start = 0, signal, ...fileOptions } = options;
  signal?.throwIfAborted();
  const file = await openIfSupported(files, path, { ...fileOptions, mode: 'read' });
  if (!file) {
    yield* cut((await files.readFile(path, { ...fileOptions, maxBytes: WHOLE_FILE_MAX_BYTES })).subarray(start));
    return;
  }
  try {
    yield* blocks(file, start, signal);
  } finally {
    // Nothing hangs on it: what was to be read has been read, or why not is known.
    const closed = file.close().catch(() => undefined);
    if (!signal?.aborted) await closed;
  }
}

async function* blocks(file: OpenFile, start: number, signal: AbortSignal | undefined): AsyncGenerator<Buffer, void> {
  const asked: Promise<Block>[] = [];
  let offset = start;
  let ahead = 1; // most files end in their first block
  for (;;) {
    while (asked.length < ahead) {
      const block = file.readBlock(offset, STREAM_BLOCK_BYTES);
      block.catch(() => undefined); // thrown when its turn comes, unless the stream has ended before
      asked.push(block);
      offset += STREAM_BLOCK_BYTES;
    }
    const { chunk, eof } = await unlessAborted(asked.shift() as Promise<Block>, signal);
    if (chunk.length > 0) yield chunk;
    if (eof) return;
    ahead = BLOCKS_AHEAD;
  }
}

function* cut(content: Buffer): Generator<Buffer, void> {
  for (let at = 0; at < content.length; at += STREAM_BLOCK_BYTES) yield content.subarray(at, at + STREAM_BLOCK_BYTES);
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  let onAbort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
