import { randomBytes } from 'node:crypto';
import type { OpenFile, OpenMode } from '../files/types.js';
import { decodeBase64 } from '../protocol/base64.js';
import { internalError, WireError } from '../protocol/errors.js';
import type { ParamsInput } from '../protocol/methods.js';
import { ConnectionClosedError } from '../rpc/errors.js';
import type { CallOptions } from '../rpc/peer.js';
import { SessionLostError } from './errors.js';
import { unsupported } from './file-support.js';
import type { SessionLink } from './session-link.js';

/** A file that is open on a server, for as long as the session lasts: across cuts of the connection. */
export class RemoteOpenFile implements OpenFile {
  readonly #link: SessionLink;
  readonly #handleId: string;
  #closing: Promise<void> | undefined;

  private constructor(link: SessionLink, handleId: string) {
    this.#link = link;
    this.#handleId = handleId;
  }

  /** Throws UnsupportedByServerError for a mode that the server does not have. */
  static async open(
    link: SessionLink,
    { mode = 'read', ...params }: Omit<ParamsInput<'fs/open'>, 'handleId' | 'mode'> & { mode: OpenMode | undefined },
    call: CallOptions,
  ): Promise<RemoteOpenFile> {
    if (mode === 'update' && !link.traits.capabilities.has('fsOpenUpdate')) {
      throw unsupported('opening files for update');
    }
    const file = new RemoteOpenFile(link, randomBytes(16).toString('hex')); // real servers take 32 bytes at most
    let timesSent = 0;
    const options = { ...call, onSent: () => void timesSent++ };
    try {
      await link.call('fs/open', { handleId: file.#handleId, mode, ...params }, options);
    } catch (error) {
      // The first of them has opened it, and its answer was lost with the connection: nobody else knows this id.
      if (timesSent > 1 && isHandleExists(error)) return file;
      // Given up, or cut: it may have been opened all the same. The session closes it at the latest.
      if (!(error instanceof WireError) && timesSent > 0) file.close().catch(() => undefined);
      throw error;
    }
    return file;
  }

  async readBlock(offset: number, length: number): Promise<{ chunk: Buffer; eof: boolean }> {
    const { chunk, eof } = await this.#link.call('fs/readBlock', { handleId: this.#handleId, offset, len: length });
    const bytes = decodeBase64(chunk, (reason) =>
      internalError('internal', `the server answered fs/readBlock with bad base64: ${reason}`),
    );
    return { chunk: bytes, eof };
  }

  /** Repeated when the connection is cut meanwhile: the same bytes at the same place. */
  async writeBlock(offset: number, chunk: Buffer): Promise<void> {
    await this.#link.call('fs/writeBlock', { handleId: this.#handleId, offset, chunk: chunk.toString('base64') });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#link.call('fs/close', { handleId: this.#handleId }, { cleanup: true });
    } catch (error) {
      // A session that is gone has closed its files; every block that was answered is written.
      if (!(error instanceof ConnectionClosedError || error instanceof SessionLostError)) throw error;
    }
  }
}

/** Real peers send no `data.kind`. */
function isHandleExists(error: unknown): boolean {
  return (
    error instanceof WireError &&
    (error.kind === 'handle_exists' || /^file handle .* already exists$/.test(error.message))
  );
}
