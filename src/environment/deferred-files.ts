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
import type { NativePath } from '../protocol/paths.js';
import type { Use } from './deferred-processes.js';

/** Files of a place that is gone to on first use. What is open or watched ends with the session that it was opened in. */
export class DeferredFiles implements FileSystem {
  readonly #use: Use<FileSystem>;

  constructor(use: Use<FileSystem>) {
    this.#use = use;
  }

  readFile(path: NativePath, options?: FileOptions & { maxBytes?: number | undefined }): Promise<Buffer> {
    return this.#use((files) => files.readFile(path, options));
  }

  writeFile(path: NativePath, data: Buffer, options?: FileOptions & { atomic?: boolean | undefined }): Promise<void> {
    return this.#use((files) => files.writeFile(path, data, options));
  }

  createDirectory(path: NativePath, options?: FileOptions & { recursive?: boolean | undefined }): Promise<void> {
    return this.#use((files) => files.createDirectory(path, options));
  }

  getMetadata(path: NativePath, options?: FileOptions): Promise<FileMetadata> {
    return this.#use((files) => files.getMetadata(path, options));
  }

  readDirectory(path: NativePath, options?: FileOptions): Promise<DirectoryEntry[]> {
    return this.#use((files) => files.readDirectory(path, options));
  }

  remove(
    path: NativePath,
    options?: FileOptions & { recursive?: boolean | undefined; force?: boolean | undefined },
  ): Promise<void> {
    return this.#use((files) => files.remove(path, options));
  }

  copy(
    source: NativePath,
    destination: NativePath,
    options?: FileOptions & { recursive?: boolean | undefined },
  ): Promise<void> {
    return this.#use((files) => files.copy(source, destination, options));
  }

  rename(
    source: NativePath,
    destination: NativePath,
    options?: FileOptions & { overwrite?: boolean | undefined },
  ): Promise<void> {
    return this.#use((files) => files.rename(source, destination, options));
  }

  canonicalize(path: NativePath, options?: FileOptions): Promise<NativePath> {
    return this.#use((files) => files.canonicalize(path, options));
  }

  walk(path: NativePath, options?: WalkOptions): Promise<WalkResult> {
    return this.#use((files) => files.walk(path, options));
  }

  open(path: NativePath, options?: FileOptions & { mode?: OpenMode | undefined }): Promise<OpenFile> {
    return this.#use((files) => files.open(path, options));
  }

  watch(path: NativePath, options?: FileOptions & { recursive?: boolean | undefined }): Promise<FileWatcher> {
    return this.#use((files) => files.watch(path, options));
  }

  batch(operations: readonly FileOperation[], options?: BatchOptions): Promise<FileOperationResult[]> {
    return this.#use((files) => files.batch(operations, options));
  }
}
