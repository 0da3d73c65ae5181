import type { NativePath } from '../../protocol/paths.js';
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
} from '../types.js';
import { type Access, plainAccess } from './access.js';
import { AnchoredAccess } from './anchored-access.js';
import { writeFileAtomically } from './atomic-write.js';
import { batch } from './batch.js';
import { canonicalize } from './canonicalize.js';
import { copy } from './copy.js';
import { createDirectory } from './create-directory.js';
import { getMetadata } from './metadata.js';
import { openFile } from './open-file.js';
import { atPath } from './os-error.js';
import { Policies } from './policies.js';
import { readDirectory } from './read-directory.js';
import { readFile } from './read-file.js';
import { remove } from './remove.js';
import { rename } from './rename.js';
import { VerifyingAccess } from './verifying-access.js';
import { walk } from './walk.js';
import { watch } from './watch.js';
import { writeFile } from './write-file.js';

/** For trees without a policy: on Linux nothing that is swapped on the way is followed. */
const treeAccess: Access = process.platform === 'linux' ? new AnchoredAccess() : plainAccess;

/**
 * The files of this machine, with the rights of this process and, where a `sandbox` is given, under that policy. Every method
 * rejects with a WireError whose `data` names `path` and, where the operating system refused, `errno`.
 */
export class LocalFileSystem implements FileSystem {
  readonly #policies = new Policies();

  async readFile(path: NativePath, options: FileOptions & { maxBytes?: number | undefined } = {}): Promise<Buffer> {
    return atPath(path, readFile(await this.#access(options), path, options.maxBytes));
  }

  async writeFile(
    path: NativePath,
    data: Buffer,
    options: FileOptions & { atomic?: boolean | undefined } = {},
  ): Promise<void> {
    const write = options.atomic ? writeFileAtomically : writeFile;
    return atPath(path, write(await this.#access(options), path, data));
  }

  async createDirectory(
    path: NativePath,
    options: FileOptions & { recursive?: boolean | undefined } = {},
  ): Promise<void> {
    const { recursive = true } = options;
    return atPath(path, createDirectory(await this.#access(options), path, { recursive }));
  }

  async getMetadata(path: NativePath, options: FileOptions = {}): Promise<FileMetadata> {
    return atPath(path, getMetadata(await this.#access(options), path));
  }

  async readDirectory(path: NativePath, options: FileOptions = {}): Promise<DirectoryEntry[]> {
    return atPath(path, readDirectory(await this.#access(options), path));
  }

  async remove(
    path: NativePath,
    options: FileOptions & { recursive?: boolean | undefined; force?: boolean | undefined } = {},
  ): Promise<void> {
    const { recursive = true, force = true } = options;
    return atPath(path, remove(await this.#access(options, treeAccess), path, { recursive, force }));
  }

  async copy(
    source: NativePath,
    destination: NativePath,
    options: FileOptions & { recursive?: boolean | undefined } = {},
  ): Promise<void> {
    const { recursive = false } = options;
    return atPath(source, copy(await this.#access(options, treeAccess), source, destination, { recursive }));
  }

  async rename(
    source: NativePath,
    destination: NativePath,
    options: FileOptions & { overwrite?: boolean | undefined } = {},
  ): Promise<void> {
    const { overwrite = false } = options;
    return atPath(source, rename(await this.#access(options), source, destination, { overwrite }));
  }

  async canonicalize(path: NativePath, options: FileOptions = {}): Promise<NativePath> {
    return atPath(path, canonicalize(await this.#access(options), path));
  }

  async walk(path: NativePath, options: WalkOptions = {}): Promise<WalkResult> {
    return atPath(path, walk(await this.#access(options), path, options));
  }

  async open(path: NativePath, options: FileOptions & { mode?: OpenMode | undefined } = {}): Promise<OpenFile> {
    return atPath(path, openFile(await this.#access(options), path, options));
  }

  async watch(path: NativePath, options: FileOptions & { recursive?: boolean | undefined } = {}): Promise<FileWatcher> {
    return atPath(path, watch(await this.#access(options), path, options));
  }

  batch(operations: readonly FileOperation[], options: BatchOptions = {}): Promise<FileOperationResult[]> {
    return batch(this, operations, options);
  }

  /** `free` is what serves where nothing restricts. */
  async #access({ sandbox, followSymlinks = true }: FileOptions, free: Access = plainAccess): Promise<Access> {
    const resolved = sandbox && (await this.#policies.of(sandbox));
    const policy = resolved?.unrestricted ? undefined : resolved;
    if (!policy && followSymlinks) return free;
    return process.platform === 'linux'
      ? new AnchoredAccess({ policy, followSymlinks })
      : new VerifyingAccess({ policy, followSymlinks });
  }
}
