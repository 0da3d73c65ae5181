import type { NativePath } from '../../protocol/paths.js';
import type { FileChanges } from '../types.js';
import { WATCH_COALESCE_MS, WATCH_MAX_PATHS } from './limits.js';

/** Changed paths from whoever sees them to the one who asks: each once, gathered for a moment, never too many. */
export class ChangeQueue {
  #paths = new Set<NativePath>();
  #overflow = false;
  #gathering: NodeJS.Timeout | undefined;
  #end: { error?: Error } | undefined;
  #wake: () => void = () => undefined;

  add(path: NativePath): void {
    if (this.#overflow || this.#end) return;
    this.#paths.add(path);
    if (this.#paths.size > WATCH_MAX_PATHS) this.overflow();
    else this.#gather();
  }

  /** Something changed that has no name here. */
  overflow(): void {
    if (this.#end) return;
    this.#overflow = true;
    this.#paths.clear();
    this.#gather();
  }

  /** `take` hands out what is there, then throws. */
  fail(error: Error): void {
    this.#end ??= { error };
    this.#settle();
  }

  /** Nobody wants to know any more. */
  close(): void {
    this.#end ??= {};
    this.#paths.clear();
    this.#overflow = false;
    this.#settle();
  }

  /** Waits for changes; undefined when there will be none. For one caller at a time. */
  async take(): Promise<FileChanges | undefined> {
    while (this.#isEmpty() || this.#gathering) {
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const changes = { changedPaths: [...this.#paths], overflow: this.#overflow };
    this.#paths.clear();
    this.#overflow = false;
    return changes;
  }

  #isEmpty(): boolean {
    return this.#paths.size === 0 && !this.#overflow;
  }

  #settle(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    this.#wake();
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#wake();
    }, WATCH_COALESCE_MS);
  }
}
