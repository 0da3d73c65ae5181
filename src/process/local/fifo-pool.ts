import { execFile } from 'node:child_process';
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Pipe } from './child.js';
import { FIFO_BATCH } from './limits.js';

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/**
 * Real pipes. What Node calls a pipe is a socket pair, on which a child cannot open /dev/stdout or /dev/stderr, as
 * shell scripts do (`echo … > /dev/stderr` fails with ENXIO). Node has no pipe(2), so fifos are made in batches ahead of
 * need, opened at both ends, and unlinked: from then on they are plain pipes.
 */
export class FifoPool {
  readonly #directory: string;
  #names: string[] = [];
  #made = 0;
  #refill: Promise<void> | undefined;
  #closed = false;

  constructor(directory: string) {
    this.#directory = directory;
    this.fill().catch(() => undefined); // the first start meets the same error, and reports it
  }

  /** Our end can be waited on, the other is as a child expects it: blocking. `direction` is seen from the child. */
  async open(direction: 'input' | 'output'): Promise<Pipe> {
    let name = this.#names.pop();
    if (this.#names.length < FIFO_BATCH / 3) {
      this.fill().catch(() => undefined); // whoever runs out of fifos meets the same error
    }
    while (name === undefined) {
      if (this.#closed) throw new Error('the process backend is closed');
      await this.fill();
      name = this.#names.pop();
    }
    return this.#openEnds(join(this.#directory, name), direction);
  }

  /** Makes a further batch. Shared by all who wait. */
  fill(): Promise<void> {
    this.#refill ??= this.#makeBatch().finally(() => {
      this.#refill = undefined;
    });
    return this.#refill;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#refill?.catch(() => undefined); // its own caller has seen the error
  }

  #openEnds(path: string, direction: 'input' | 'output'): Pipe {
    const opened: number[] = [];
    const open = (flags: number) => {
      const fd = openSync(path, flags);
      opened.push(fd);
      return fd;
    };
    try {
      if (direction === 'output') {
        const readFd = open(O_RDONLY | O_NONBLOCK);
        return { readFd, writeFd: open(O_WRONLY) };
      }
      // Opening one end of a fifo waits for the other, except with O_RDWR; the child's end must not be O_NONBLOCK.
      const helper = open(O_RDWR | O_NONBLOCK);
      const readFd = open(O_RDONLY);
      const writeFd = open(O_WRONLY | O_NONBLOCK);
      closeSync(helper);
      return { readFd, writeFd };
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    } finally {
      unlinkSync(path);
    }
  }

  #makeBatch(): Promise<void> {
    const names = Array.from({ length: FIFO_BATCH }, () => String(++this.#made));
    return new Promise((resolve, reject) => {
      execFile('mkfifo', ['-m', '600', ...names], { cwd: this.#directory }, (error) => {
        if (error && !this.#closed) return reject(new Error(`cannot make pipes with mkfifo: ${error.message}`));
        if (!error) this.#names.push(...names);
        resolve();
      });
    });
  }
}
