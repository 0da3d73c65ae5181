import type { NativePath } from '../protocol/paths.js';
import type { SandboxContext } from '../protocol/sandbox.js';

export interface FileMetadata {
  /** Of what the path leads to, links followed. */
  isDirectory: boolean;
  isFile: boolean;
  /** Of the path itself. */
  isSymlink: boolean;
  /** Bytes; null where the server does not tell it (real servers up to 0.129). */
  size: number | null;
  /** Milliseconds since the epoch; 0 where the file system does not know. */
  createdAtMs: number;
  modifiedAtMs: number;
}

export interface DirectoryEntry {
  fileName: string;
  /** Links followed; both false where the link leads to what the sandbox does not let be read. */
  isDirectory: boolean;
  isFile: boolean;
}

export interface FileOptions {
  /**
   * The policy to work under, enforced where the files are. Without it, the rights of the process that serves them.
   * What it forbids is refused with kind `sandbox_denied`.
   */
  sandbox?: SandboxContext | undefined;
  /** False refuses a symbolic link in any component of the path, with kind `symlink_refused`. Default true. */
  followSymlinks?: boolean | undefined;
}

export interface WalkOptions extends FileOptions {
  /** 0: only what is in the directory itself. */
  maxDepth?: number | undefined;
  maxDirectories?: number | undefined;
  maxEntries?: number | undefined;
  followDirectorySymlinks?: boolean | undefined;
  /** Does not go into directories whose name starts with a dot. */
  pruneHiddenDirectories?: boolean | undefined;
}

export interface WalkEntry {
  path: NativePath;
  kind: 'file' | 'directory';
}

export interface WalkResult {
  /** Breadth first, by name within a directory. Links to files, fifos and devices are left out. */
  entries: WalkEntry[];
  /** Directories that could not be read. */
  errors: { path: NativePath; message: string }[];
  /** A limit was reached: there is more. */
  truncated: boolean;
}

/** `read`; `replace`: created or emptied at once; `update` (ours): created or kept, to be written into. */
export type OpenMode = 'read' | 'replace' | 'update';

/** A regular file that is open. Blocks are at most MAX_BLOCK_BYTES; offsets and lengths in bytes. */
export interface OpenFile {
  /** `eof`: the read came up short. */
  readBlock(offset: number, length: number): Promise<{ chunk: Buffer; eof: boolean }>;
  /** Writes all of it at that offset. */
  writeBlock(offset: number, chunk: Buffer): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** What a watch saw since the last time it was asked. */
export interface FileChanges {
  /** Paths that were created, changed or removed; each once. */
  changedPaths: NativePath[];
  /** More changed than could be kept: look at everything. */
  overflow: boolean;
}

/** Ends when closed; throws when what is watched cannot be watched any more. Changes are coalesced while nobody asks. */
export interface FileWatcher extends AsyncIterable<FileChanges> {
  close(): Promise<void>;
}

/** One operation of a batch. Every field means what it means in the method of that name. */
export type FileOperation =
  | { op: 'readFile'; path: NativePath; maxBytes?: number | undefined }
  | { op: 'writeFile'; path: NativePath; data: Buffer; atomic?: boolean | undefined }
  | { op: 'createDirectory'; path: NativePath; recursive?: boolean | undefined }
  | { op: 'getMetadata'; path: NativePath }
  | { op: 'readDirectory'; path: NativePath }
  | { op: 'remove'; path: NativePath; recursive?: boolean | undefined; force?: boolean | undefined }
  | { op: 'copy'; source: NativePath; destination: NativePath; recursive?: boolean | undefined }
  | { op: 'rename'; source: NativePath; destination: NativePath; overwrite?: boolean | undefined };

/** `skipped`: an operation before it failed, and the batch was told to stop then. */
export type FileOperationResult =
  | { status: 'ok'; value: Buffer | FileMetadata | DirectoryEntry[] | undefined }
  | { status: 'failed'; error: Error }
  | { status: 'skipped' };

export interface BatchOptions extends FileOptions {
  /** Default true. */
  stopOnError?: boolean | undefined;
}

/** Files: here, or somewhere else. Every method rejects with a WireError. */
export interface FileSystem {
  /** The whole of a regular file. Larger than `maxBytes` is refused before anything is read. */
  readFile(path: NativePath, options?: FileOptions & { maxBytes?: number | undefined }): Promise<Buffer>;
  /** `atomic`: all or nothing, also for readers and after a crash; mode and owner stay as far as we may. */
  writeFile(path: NativePath, data: Buffer, options?: FileOptions & { atomic?: boolean | undefined }): Promise<void>;
  createDirectory(path: NativePath, options?: FileOptions & { recursive?: boolean | undefined }): Promise<void>;
  getMetadata(path: NativePath, options?: FileOptions): Promise<FileMetadata>;
  readDirectory(path: NativePath, options?: FileOptions): Promise<DirectoryEntry[]>;
  remove(
    path: NativePath,
    options?: FileOptions & { recursive?: boolean | undefined; force?: boolean | undefined },
  ): Promise<void>;
  copy(
    source: NativePath,
    destination: NativePath,
    options?: FileOptions & { recursive?: boolean | undefined },
  ): Promise<void>;
  /** Within one file system. `overwrite` (default false): a file, or an empty directory, that is there is replaced. */
  rename(
    source: NativePath,
    destination: NativePath,
    options?: FileOptions & { overwrite?: boolean | undefined },
  ): Promise<void>;
  /** The path without links. */
  canonicalize(path: NativePath, options?: FileOptions): Promise<NativePath>;
  walk(path: NativePath, options?: WalkOptions): Promise<WalkResult>;
  open(path: NativePath, options?: FileOptions & { mode?: OpenMode | undefined }): Promise<OpenFile>;
  /** A file, or a directory with, if `recursive`, all below it. It must exist. */
  watch(path: NativePath, options?: FileOptions & { recursive?: boolean | undefined }): Promise<FileWatcher>;
  /** In order, one after the other, in one round trip. Rejects only when the batch as a whole could not be carried out. */
  batch(operations: readonly FileOperation[], options?: BatchOptions): Promise<FileOperationResult[]>;
}
