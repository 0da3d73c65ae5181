import type { DirectoryEntry, FileMetadata, FileOptions, FileSystem } from '../files/types.js';
import type { NativePath } from '../protocol/paths.js';
import type { Use } from './deferred-processes.js';

/** Files of a place that is gone to on first use. */
export class DeferredFiles implements FileSystem {
  readonly #use: Use<FileSystem>;

  constructor(use: Use<FileSystem>) {
    this.#use = use;
  }

  readFile(path: NativePath, options?: FileOptions): Promise<Buffer> {
    return this.#use((files) => files.readFile(path, options));
  }

  writeFile(path: NativePath, data: Buffer, options?: FileOptions): Promise<void> {
    return this.#use((files) => files.writeFile(path, data, options));
  }

  createDirectory(path: NativePath, options?: FileOptions & { recursive?: boolean }): Promise<void> {
    return this.#use((files) => files.createDirectory(path, options));
  }

  getMetadata(path: NativePath, options?: FileOptions): Promise<FileMetadata> {
    return this.#use((files) => files.getMetadata(path, options));
  }

  readDirectory(path: NativePath, options?: FileOptions): Promise<DirectoryEntry[]> {
    return this.#use((files) => files.readDirectory(path, options));
  }

  remove(path: NativePath, options?: FileOptions & { recursive?: boolean; force?: boolean }): Promise<void> {
    return this.#use((files) => files.remove(path, options));
  }

  copy(source: NativePath, destination: NativePath, options?: FileOptions & { recursive?: boolean }): Promise<void> {
    return this.#use((files) => files.copy(source, destination, options));
  }
}
