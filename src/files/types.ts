import type { NativePath } from '../protocol/paths.js';

export interface FileMetadata {
  /** Of what the path leads to, links followed. */
  isDirectory: boolean;
  isFile: boolean;
  /** Of the path itself. */
  isSymlink: boolean;
  /** Bytes. */
  size: number;
  /** Milliseconds since the epoch; 0 where the file system does not know. */
  createdAtMs: number;
  modifiedAtMs: number;
}

export interface DirectoryEntry {
  fileName: string;
  /** Links followed. */
  isDirectory: boolean;
  isFile: boolean;
}

export interface FileOptions {
  /** A permission profile to work under. Refused where it cannot be enforced. */
  sandbox?: unknown;
}

/** Files: here, or somewhere else. Every method rejects with a WireError. */
export interface FileSystem {
  readFile(path: NativePath, options?: FileOptions): Promise<Buffer>;
  writeFile(path: NativePath, data: Buffer, options?: FileOptions): Promise<void>;
  createDirectory(path: NativePath, options?: FileOptions & { recursive?: boolean }): Promise<void>;
  getMetadata(path: NativePath, options?: FileOptions): Promise<FileMetadata>;
  readDirectory(path: NativePath, options?: FileOptions): Promise<DirectoryEntry[]>;
  remove(path: NativePath, options?: FileOptions & { recursive?: boolean; force?: boolean }): Promise<void>;
  copy(source: NativePath, destination: NativePath, options?: FileOptions & { recursive?: boolean }): Promise<void>;
}
