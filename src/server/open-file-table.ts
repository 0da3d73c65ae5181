import type { OpenFile } from '../files/types.js';
import { ErrorCode, invalidRequest, WireError } from '../protocol/errors.js';
import { MAX_OPEN_FILES } from './limits.js';

interface Entry {
  readonly opened: Promise<OpenFile>;
  /** Settles, never rejects, when all that was asked of the file so far has been done. */
  idle: Promise<unknown>;
}

/** The open files of one session. What is asked of one file is done in the order of asking; files do not wait for each other. */
export class OpenFileTable {
  readonly #entries = new Map<string, Entry>();
  /** Those being opened or closed included. */
  #open = 0;
  #closed = false;

  /**
   * Opens a file under an id of the client's choice. When the same is being asked already, as after a cut, it waits for the
   * outcome: a file that is open is refused, one that could not be opened is tried again.
   */
  async open(handleId: string, open: () => Promise<OpenFile>): Promise<void> {
    for (let other = this.#entries.get(handleId); other; other = this.#entries.get(handleId)) {
      if ((await succeeds(other.opened)) && this.#entries.get(handleId) === other) {
        throw invalidRequest('handle_exists', `file handle \`${handleId}\` already exists`);
      }
    }
    if (this.#open >= MAX_OPEN_FILES) {
      const message = `this session has ${MAX_OPEN_FILES} files open, which is the limit: close one first`;
      throw invalidRequest('limit_reached', message, { retryable: true });
    }
    await this.#add(handleId, open);
  }

  /** Does something with an open file, after all that was asked of it before. */
  use<T>(handleId: string, work: (file: OpenFile) => Promise<T>): Promise<T> {
    const entry = this.#entries.get(handleId);
    if (!entry) return Promise.reject(unknownHandle(handleId));
    const result = entry.idle.then(async () => work(await whenOpened(entry, handleId)));
    entry.idle = result.catch(() => undefined); // whoever asked for it is told
    return result;
  }

  /** After all that was asked of it before. An id that nobody has is fine. */
  async close(handleId: string): Promise<void> {
    const entry = this.#entries.get(handleId);
    if (!entry) return;
    this.#entries.delete(handleId);
    await this.#end(entry);
  }

  /** Closes them all. */
  async closeAll(): Promise<void> {
    this.#closed = true;
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    // The client has gone: nobody is left to be told what went wrong.
    await Promise.allSettled(entries.map((entry) => this.#end(entry)));
  }

  async #add(handleId: string, open: () => Promise<OpenFile>): Promise<void> {
    this.#open++;
    const opened = open();
    const entry: Entry = { opened, idle: succeeds(opened) };
    this.#entries.set(handleId, entry);
    try {
      const file = await opened;
      if (this.#closed) await file.close();
    } catch (error) {
      this.#open--;
      if (this.#entries.get(handleId) === entry) this.#entries.delete(handleId);
      throw error;
    }
  }

  async #end(entry: Entry): Promise<void> {
    await entry.idle;
    if (!(await succeeds(entry.opened))) return;
    try {
      await (await entry.opened).close();
    } finally {
      this.#open--;
    }
  }
}

function succeeds(opened: Promise<OpenFile>): Promise<boolean> {
  return opened.then(
    () => true,
    () => false,
  );
}

/** A request may come before the file has been opened; when that fails, there is no such handle. */
function whenOpened({ opened }: Entry, handleId: string): Promise<OpenFile> {
  return opened.catch(() => {
    throw unknownHandle(handleId);
  });
}

function unknownHandle(handleId: string): WireError {
  return new WireError(ErrorCode.notFound, `unknown file handle \`${handleId}\``, { kind: 'unknown_handle' });
}
