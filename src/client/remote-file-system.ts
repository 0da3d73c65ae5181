import type { DirectoryEntry, FileMetadata, FileOptions, FileSystem } from '../files/types.js';
import { decodeBase64 } from '../protocol/base64.js';
import { internalError, invalidRequest } from '../protocol/errors.js';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.js';
import type { NativePath } from '../protocol/paths.js';
import type { CallOptions } from '../rpc/peer.js';
import type { SessionLink } from './session-link.js';

/** What fits into one message as base64, with 64 KiB left for the path and the rest of the envelope. */
const MAX_FILE_BYTES = ((MAX_MESSAGE_BYTES - 64 * 1024) / 4) * 3;

type Options = FileOptions & CallOptions;

/**
 * Files on a server. The server's refusals are WireErrors. What changes files is not repeated when the connection is cut
 * while it is in flight: it rejects with ConnectionClosedError, `mayHaveExecuted: true`.
 */
export class RemoteFileSystem implements FileSystem {
  readonly #link: SessionLink;

  constructor(link: SessionLink) {
    this.#link = link;
  }

  async readFile(path: NativePath, options: Options = {}): Promise<Buffer> {
    const { wire, call } = split(options);
    const { dataBase64 } = await this.#link.call('fs/readFile', { path, ...wire }, call);
    return decodeBase64(dataBase64, (reason) =>
      internalError('internal', `the server answered fs/readFile with bad base64: ${reason}`),
    );
  }

  async writeFile(path: NativePath, data: Buffer, options: Options = {}): Promise<void> {
    if (data.length > MAX_FILE_BYTES) {
      throw invalidRequest(
        'too_large',
        `${data.length} bytes for ${path}: one message carries at most ${MAX_FILE_BYTES}`,
      );
    }
    const { wire, call } = split(options);
    await this.#link.call('fs/writeFile', { path, dataBase64: data.toString('base64'), ...wire }, call);
  }

  async createDirectory(path: NativePath, options: Options & { recursive?: boolean } = {}): Promise<void> {
    const { wire, call, rest } = split(options);
    await this.#link.call('fs/createDirectory', { path, ...rest, ...wire }, call);
  }

  /** `size` is NaN on 0.129, which does not tell it. */
  async getMetadata(path: NativePath, options: Options = {}): Promise<FileMetadata> {
    const { wire, call } = split(options);
    const answer = await this.#link.call('fs/getMetadata', { path, ...wire }, call);
    const { isDirectory, isFile, isSymlink, size = Number.NaN, createdAtMs, modifiedAtMs } = answer;
    return { isDirectory, isFile, isSymlink, size, createdAtMs, modifiedAtMs };
  }

  async readDirectory(path: NativePath, options: Options = {}): Promise<DirectoryEntry[]> {
    const { wire, call } = split(options);
    const { entries } = await this.#link.call('fs/readDirectory', { path, ...wire }, call);
    return entries.map(({ fileName, isDirectory, isFile }) => ({ fileName, isDirectory, isFile }));
  }

  async remove(path: NativePath, options: Options & { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    const { wire, call, rest } = split(options);
    await this.#link.call('fs/remove', { path, ...rest, ...wire }, call);
  }

  async copy(
    source: NativePath,
    destination: NativePath,
    options: Options & { recursive?: boolean } = {},
  ): Promise<void> {
    const { wire, call, rest } = split(options);
    const paths = { sourcePath: source, destinationPath: destination };
    await this.#link.call('fs/copy', { ...paths, recursive: rest.recursive ?? false, ...wire }, call);
  }
}

/** Tells what goes on the wire from what concerns the call. */
function split<T extends Options>({ signal, timeoutMs, cleanup, sandbox, ...rest }: T) {
  const wire = sandbox === undefined ? {} : { sandbox: sandbox as { permissions: unknown } };
  return { wire, rest, call: { signal, timeoutMs, cleanup } };
}
