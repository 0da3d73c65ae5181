import { MAX_CHANGED_PATHS } from '../protocol/limits.js';
import type { NativePath } from '../protocol/paths.js';
import type { FileChanges } from './types.js';

/** Changed paths that are gathered until somebody takes them, each once. Too many become `overflow`. */
export class ChangeSet {
  readonly #paths = new Set<NativePath>();
  #overflow = false;

  get empty(): boolean {
    return this.#paths.size === 0 && !this.#overflow;
  }

  add({ changedPaths, overflow }: FileChanges): void {
    this.#overflow ||= overflow;
    for (const path of changedPaths) {
      if (this.#overflow) break;
      this.#paths.add(path);
      this.#overflow = this.#paths.size > MAX_CHANGED_PATHS;
    }
    if (this.#overflow) this.#paths.clear();
  }

  /** What there is, and leaves none of it. */
  take(): FileChanges {
    const changes = { changedPaths: [...this.#paths], overflow: this.#overflow };
    this.#paths.clear();
    this.#overflow = false;
    return changes;
  }
}
