import { createHash } from 'node:crypto';
import { WireError } from '../protocol/errors.js';
import { type NativePath, pathBytes } from '../protocol/paths.js';
import { BLOCKS_AHEAD, STREAM_BLOCK_BYTES, WHOLE_TRANSFER_MAX_BYTES } from './limits.js';
import { isUnsupported, openIfSupported } from './open-support.js';
import { readStream } from './read-stream.js';
import type { FileMetadata, FileSystem } from './types.js';
import { writeStream } from './write-stream.js';

/** A path and whose it is. */
export interface FileAt {
  files: FileSystem;
  path: NativePath;
}

export interface TransferOptions {
  /** Ends it; what has been transferred stays, to be gone on from. */
  signal?: AbortSignal | undefined;
  /** `doneBytes` of `totalBytes` are there, `resumedAt` of them since an earlier attempt. */
  onProgress?: ((progress: { doneBytes: number; totalBytes: number; resumedAt: number }) => void) | undefined;
}

export interface TransferResult {
  bytes: number;
  /** The source was written to meanwhile: the copy may be of two minds. */
  sourceChanged: boolean;
}

/** A transfer ended early. The same transfer goes on from `partPath`. */
export class TransferInterruptedError extends Error {
  override readonly name = 'TransferInterruptedError';
  readonly code = 'transfer_interrupted';
  readonly retryable = true;
  readonly partPath: NativePath;

  constructor(partPath: NativePath, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${why}; what has come so far is in ${partPath}, and the same copy goes on from there`, { cause });
    this.partPath = partPath;
  }
}

/**
 * Copies the content of a file from one place to another, replacing what is there. Up to WHOLE_TRANSFER_MAX_BYTES at once,
 * and the target keeps its mode. Larger ones grow in a file beside the target, named after the target and the name, size and
 * modification time of the source, which then takes the target's place. If it is there already, of a transfer that was
 * interrupted, and the last block that must be whole is the same in both, it is gone on from there. The target is new then:
 * 0644 less the umask. Where the target's place can open no files for update (real servers), it is written in place.
 * Throws TransferInterruptedError when there is something to go on from, else what the places reject with.
 */
export async function transferFile(
  source: FileAt,
  target: FileAt,
  options: TransferOptions = {},
): Promise<TransferResult> {
  const content = await readIfSmall(source);
  options.signal?.throwIfAborted();
  if (content) {
    await writeWhole(target, content);
    options.onProgress?.({ doneBytes: content.length, totalBytes: content.length, resumedAt: 0 });
    return { bytes: content.length, sourceChanged: false };
  }
  const metadata = await source.files.getMetadata(source.path);
  const replaced = await withoutLinks(target);
  const part = { files: target.files, path: partPath(replaced.path, source.path, metadata) };
  const bytes = (await canUpdate(part))
    ? await growPart(source, part, replaced, { ...options, totalBytes: metadata.size ?? 0 })
    : await stream(source, replaced, { ...options, mode: 'replace', start: 0, totalBytes: metadata.size ?? 0 });
  const { size, modifiedAtMs } = await source.files.getMetadata(source.path);
  return { bytes, sourceChanged: size !== metadata.size || modifiedAtMs !== metadata.modifiedAtMs };
}

/** Undefined if it is larger than that. */
async function readIfSmall({ files, path }: FileAt): Promise<Buffer | undefined> {
  try {
    return await files.readFile(path, { maxBytes: WHOLE_TRANSFER_MAX_BYTES });
  } catch (error) {
    if (error instanceof WireError && error.kind === 'too_large') return undefined;
    throw error;
  }
}

async function writeWhole({ files, path }: FileAt, content: Buffer): Promise<void> {
  try {
    await files.writeFile(path, content, { atomic: true });
  } catch (error) {
    if (!isUnsupported(error)) throw error;
    await files.writeFile(path, content);
  }
}

/** What a rename must replace, so that a link stays one. */
async function withoutLinks({ files, path }: FileAt): Promise<FileAt> {
  try {
    return { files, path: await files.canonicalize(path) };
  } catch (error) {
    const isMissing = error instanceof WireError && error.kind === 'not_found';
    if (!isMissing && !isUnsupported(error)) throw error;
    return { files, path };
  }
}

/** Changes with everything by which one can tell that the source is not what it was. */
function partPath(target: NativePath, source: NativePath, { size, modifiedAtMs }: FileMetadata): NativePath {
  const directory = target.slice(0, target.lastIndexOf('/') + 1);
  const name = target.slice(directory.length);
  const sourceName = source.slice(source.lastIndexOf('/') + 1);
  const identity = JSON.stringify([name, sourceName, size, modifiedAtMs]);
  const mark = createHash('sha256').update(identity).digest('hex').slice(0, 8);
  // A name has at most 255 bytes; a character at most three for each unit.
  const kept = pathBytes(name).length > 240 ? name.slice(0, 80).toWellFormed() : name;
  return `${directory}${kept}.${mark}.part`;
}

async function canUpdate({ files, path }: FileAt): Promise<boolean> {
  const file = await openIfSupported(files, path, { mode: 'update' });
  await file?.close();
  return file !== undefined;
}

async function growPart(
  source: FileAt,
  part: FileAt,
  target: FileAt,
  options: TransferOptions & { totalBytes: number },
): Promise<number> {
  const { files } = target;
  try {
    const start = await agreedBytes(source, part, options.totalBytes);
    const bytes = await stream(source, part, { ...options, mode: start > 0 ? 'update' : 'replace', start });
    if (start > 0) await requireSize(part, bytes);
    await files.rename(part.path, target.path, { overwrite: true });
    return bytes;
  } catch (error) {
    if (await isWorthless(part)) throw error;
    throw new TransferInterruptedError(part.path, error);
  }
}

/** A source that has become shorter meanwhile leaves more of an earlier attempt than there should be. */
async function requireSize({ files, path }: FileAt, bytes: number): Promise<void> {
  const { size } = await files.getMetadata(path);
  if (size === bytes) return;
  await files.remove(path);
  throw new Error(`the source has become shorter while it was copied, to ${bytes} bytes: copy it again`);
}

/** Nothing has come, or it is not there any more. Then nothing is left behind either. */
async function isWorthless({ files, path }: FileAt): Promise<boolean> {
  try {
    if ((await files.getMetadata(path)).size !== 0) return false;
    await files.remove(path);
    return true;
  } catch (error) {
    // Out of reach, perhaps with all that has come.
    return error instanceof WireError && error.kind === 'not_found';
  }
}

/**
 * How much of an earlier attempt is used. Not its last BLOCKS_AHEAD blocks: those were on the way together, and may have
 * been written in any order.
 */
async function agreedBytes(source: FileAt, part: FileAt, totalBytes: number): Promise<number> {
  const { size } = await part.files.getMetadata(part.path);
  if (size === null || size > totalBytes) return 0;
  const whole = Math.floor(size / STREAM_BLOCK_BYTES - BLOCKS_AHEAD) * STREAM_BLOCK_BYTES;
  if (whole <= 0) return 0;
  const [ours, theirs] = await Promise.all([part, source].map((at) => readBlock(at, whole - STREAM_BLOCK_BYTES)));
  return ours && theirs?.equals(ours) ? whole : 0;
}

async function readBlock({ files, path }: FileAt, offset: number): Promise<Buffer> {
  const file = await files.open(path, { mode: 'read' });
  try {
    return (await file.readBlock(offset, STREAM_BLOCK_BYTES)).chunk;
  } finally {
    await file.close();
  }
}

/** Resolves with the size of what is there in the end. */
async function stream(
  source: FileAt,
  target: FileAt,
  options: TransferOptions & { mode: 'replace' | 'update'; start: number; totalBytes: number },
): Promise<number> {
  const { mode, start, totalBytes, signal, onProgress } = options;
  const writer = await writeStream(target.files, target.path, { mode, start });
  const tell = () => onProgress?.({ doneBytes: start + writer.writtenBytes, totalBytes, resumedAt: start });
  try {
    tell();
    for await (const chunk of readStream(source.files, source.path, { start, signal })) {
      await writer.write(chunk);
      tell();
    }
    await writer.close();
  } catch (error) {
    await writer.abort();
    throw error;
  }
  tell();
  return start + writer.writtenBytes;
}
