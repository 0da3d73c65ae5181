import type {
  BatchOptions,
  DirectoryEntry,
  FileMetadata,
  FileOperation,
  FileOperationResult,
  FileOptions,
  FileSystem,
  FileWatcher,
  OpenFile,
  OpenMode,
  WalkOptions,
  WalkResult,
} from '../files/types.js';
import { invalidRequest, type WireError } from '../protocol/errors.js';
import { MAX_BATCH_OPERATIONS, MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { ParamsInput } from '../protocol/methods.js';
import { type NativePath, parsePath } from '../protocol/paths.js';
import { formatSandbox } from '../protocol/sandbox.js';
import type { ExtensionCapability } from '../protocol/session-methods.js';
import type { CallOptions } from '../rpc/peer.js';
import { batchOneByOne } from './batch-one-by-one.js';
import { type FileFeature, supported, unsupported } from './file-support.js';
import { WALK_DEFAULTS } from './limits.js';
import { fromWireResults, toBytes, toEntries, toMetadata, toWireOperation } from './remote-batch.js';
import { RemoteOpenFile } from './remote-open-file.js';
import { watchRemotely } from './remote-watch.js';
import type { SessionLink } from './session-link.js';

/** What fits into one message as base64, with 64 KiB left for the path and the rest of the envelope. */
const MAX_FILE_BYTES = ((MAX_MESSAGE_BYTES - 64 * 1024) / 4) * 3;

/** The same for all that a batch writes, with room for the paths of MAX_BATCH_OPERATIONS. */
const MAX_BATCH_BYTES = MAX_FILE_BYTES - 8 * 1024 * 1024;

type Options<More = unknown> = FileOptions & CallOptions & More;

/**
 * Files on a server. The server's refusals are WireErrors; what a server does not have is refused with
 * UnsupportedByServerError. What changes files is not repeated when the connection is cut while it is in flight: it rejects
 * with ConnectionClosedError, `mayHaveExecuted: true`.
 */
export class RemoteFileSystem implements FileSystem {
  readonly #link: SessionLink;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  /** Servers without `fsReadFileMaxBytes` are asked for the size first. 0.129 does not know it: there the whole is read. */
  async readFile(path: NativePath, options: Options<{ maxBytes?: number | undefined }> = {}): Promise<Buffer> {
    const { terms, call, rest } = this.#split(options);
    const { maxBytes } = rest;
    const limit = maxBytes !== undefined && this.#has('fsReadFileMaxBytes') ? { maxBytes } : {};
    if (maxBytes !== undefined && !('maxBytes' in limit)) {
      const { size } = await this.getMetadata(path, { ...options });
      if (size !== null && size > maxBytes) throw tooLargeToRead(maxBytes);
    }
    const data = toBytes(await this.#link.call('fs/readFile', { path, ...limit, ...terms }, call));
    if (maxBytes !== undefined && data.length > maxBytes) throw tooLargeToRead(maxBytes);
    return data;
  }

  async writeFile(
    path: NativePath,
    data: Buffer,
    options: Options<{ atomic?: boolean | undefined }> = {},
  ): Promise<void> {
    if (data.length > MAX_FILE_BYTES) {
      throw invalidRequest(
        'too_large',
        `${data.length} bytes for ${path}: one message carries at most ${MAX_FILE_BYTES}`,
      );
    }
    const { terms, call, rest } = this.#split(options);
    if (rest.atomic) this.#require('fsWriteFileAtomic', 'writing atomically');
    const atomic = rest.atomic ? { atomic: true } : {};
    await this.#link.call('fs/writeFile', { path, dataBase64: data.toString('base64'), ...atomic, ...terms }, call);
  }

  async createDirectory(path: NativePath, options: Options<{ recursive?: boolean | undefined }> = {}): Promise<void> {
    const { terms, call, rest } = this.#split(options);
    await this.#link.call('fs/createDirectory', { path, ...rest, ...terms }, call);
  }

  /** `size` is null on 0.129, which does not tell it. */
  async getMetadata(path: NativePath, options: Options = {}): Promise<FileMetadata> {
    const { terms, call } = this.#split(options);
    return toMetadata(await this.#link.call('fs/getMetadata', { path, ...terms }, call));
  }

  async readDirectory(path: NativePath, options: Options = {}): Promise<DirectoryEntry[]> {
    const { terms, call } = this.#split(options);
    return toEntries(await this.#link.call('fs/readDirectory', { path, ...terms }, call));
  }

  async remove(
    path: NativePath,
    options: Options<{ recursive?: boolean | undefined; force?: boolean | undefined }> = {},
  ): Promise<void> {
    const { terms, call, rest } = this.#split(options);
    await this.#link.call('fs/remove', { path, ...rest, ...terms }, call);
  }

  async copy(
    source: NativePath,
    destination: NativePath,
    options: Options<{ recursive?: boolean | undefined }> = {},
  ): Promise<void> {
    const { terms, call, rest } = this.#split(options);
    const paths = { sourcePath: source, destinationPath: destination };
    await this.#link.call('fs/copy', { ...paths, recursive: rest.recursive ?? false, ...terms }, call);
  }

  async rename(
    source: NativePath,
    destination: NativePath,
    options: Options<{ overwrite?: boolean | undefined }> = {},
  ): Promise<void> {
    this.#require('fsRename', 'renaming files');
    const { terms, call, rest } = this.#split(options);
    const paths = { sourcePath: source, destinationPath: destination };
    await this.#link.call('fs/rename', { ...paths, overwrite: rest.overwrite ?? false, ...terms }, call);
  }

  async canonicalize(path: NativePath, options: Options = {}): Promise<NativePath> {
    const { terms, call } = this.#split(options);
    const answer = this.#link.call('fs/canonicalize', { path, ...terms }, call);
    return parsePath((await supported('resolving paths', answer)).path);
  }

  async walk(path: NativePath, options: Options<WalkOptions> = {}): Promise<WalkResult> {
    const { terms, call, rest } = this.#split(options);
    const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
    const answer = this.#link.call('fs/walk', { path, options: { ...WALK_DEFAULTS, ...given }, ...terms }, call);
    const { entries, errors, truncated } = await supported('walking trees', answer);
    return {
      entries: entries.map((entry) => ({ path: parsePath(entry.path), kind: entry.kind })),
      errors: errors.map(({ path: at, message }) => ({ path: parsePath(at), message })),
      truncated,
    };
  }

  async open(path: NativePath, options: Options<{ mode?: OpenMode | undefined }> = {}): Promise<OpenFile> {
    const { terms, call, rest } = this.#split(options);
    return supported('open files', RemoteOpenFile.open(this.#link, { path, mode: rest.mode, ...terms }, call));
  }

  async watch(path: NativePath, options: Options<{ recursive?: boolean | undefined }> = {}): Promise<FileWatcher> {
    const { terms, call, rest } = this.#split(options);
    const params = { path, recursive: rest.recursive ?? false, ...terms };
    return supported('watching files', watchRemotely(this.#link, params, call));
  }

  /** Servers without fs/batch get the operations one by one. */
  async batch(
    operations: readonly FileOperation[],
    options: Options<BatchOptions> = {},
  ): Promise<FileOperationResult[]> {
    if (!this.#has('fsBatch')) return batchOneByOne(this, operations, options);
    const { terms, call, rest } = this.#split(options);
    checkBatch(operations);
    const params = { operations: operations.map(toWireOperation), stopOnError: rest.stopOnError ?? true, ...terms };
    return fromWireResults(operations, (await this.#link.call('fs/batch', params, call)).results);
  }

  /** Tells the terms of a request, as they go on the wire, from what concerns the call and from what is left. */
  #split<T extends Options>({ signal, timeoutMs, cleanup, sandbox, followSymlinks, ...rest }: T) {
    if (followSymlinks === false) this.#require('fsFollowSymlinks', 'following no symbolic links');
    const written = sandbox && formatSandbox(sandbox, this.#link.traits.dialect);
    const terms = {
      ...(written ? { sandbox: written as ParamsInput<'fs/canonicalize'>['sandbox'] } : {}),
      ...(followSymlinks === false ? { followSymlinks } : {}),
    };
    return { terms, rest, call: { signal, timeoutMs, cleanup } };
  }

  #has(capability: ExtensionCapability): boolean {
    return this.#link.traits.capabilities.has(capability);
  }

  #require(capability: ExtensionCapability, feature: FileFeature): void {
    if (!this.#has(capability)) throw unsupported(feature);
  }
}

/** Before anything is sent: a message that is too large would cost the connection. */
function checkBatch(operations: readonly FileOperation[]): void {
  if (operations.length > MAX_BATCH_OPERATIONS) {
    throw invalidRequest(
      'too_large',
      `${operations.length} operations: expected at most ${MAX_BATCH_OPERATIONS} in one batch`,
    );
  }
  const bytes = operations.reduce(
    (sum, operation) => sum + (operation.op === 'writeFile' ? operation.data.length : 0),
    0,
  );
  if (bytes > MAX_BATCH_BYTES) {
    throw invalidRequest('too_large', `${bytes} bytes to write: one batch carries at most ${MAX_BATCH_BYTES}`);
  }
}

function tooLargeToRead(maxBytes: number): WireError {
  return invalidRequest('too_large', `file is too large to read: limit is ${maxBytes} bytes`);
}
