import { mkdirSync, rmdirSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../../protocol/os-error.js';
import { type NativePath, pathBytes } from '../../../protocol/paths.js';

/**
 * Empty directories that stand, while a sandboxed process runs, where it may not create anything: a mount needs something
 * to be mounted on. Shared by the processes that need the same one; the last takes it away. A link to each is kept in a
 * directory of the guardian's, which takes them away when we could not.
 */
export class Placeholders {
  readonly #directory: string;
  readonly #holders = new Map<NativePath, { count: number; link: string }>();
  #made = 0;

  /** `directory`: where the guardian looks for links. It is made here, and never again: when it has gone, so have we. */
  constructor(directory: string) {
    mkdirSync(directory, { mode: 0o700 });
    this.#directory = directory;
  }

  /** Is this one of ours, so that it must be held rather than taken for somebody's directory? */
  has(path: NativePath): boolean {
    return this.#holders.has(path);
  }

  /**
   * Makes it stand until it is released as often as it was held. False: somebody else has made something there, which is
   * not to be released. Throws what `mkdir` throws.
   */
  hold(path: NativePath): boolean {
    const held = this.#holders.get(path);
    if (held) {
      held.count++;
      return true;
    }
    const link = join(this.#directory, String(++this.#made));
    symlinkSync(pathBytes(path), link);
    try {
      mkdirSync(pathBytes(path), { mode: 0o555 });
    } catch (error) {
      unlinkSync(link);
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    }
    this.#holders.set(path, { count: 1, link });
    return true;
  }

  release(path: NativePath): void {
    const held = this.#holders.get(path);
    if (!held || --held.count > 0) return;
    this.#holders.delete(path);
    try {
      rmdirSync(pathBytes(path));
    } catch {
      // Somebody outside has filled it or removed it: it is theirs now.
    }
    rmSync(held.link, { force: true }); // the guardian may have been first
  }
}
