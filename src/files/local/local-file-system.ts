import type { NativePath } from '../../protocol/paths.js';
import type { DirectoryEntry, FileMetadata, FileSystem } from '../types.js';
import { copy } from './copy.js';
import { createDirectory } from './create-directory.js';
import { getMetadata } from './metadata.js';
import { atPath } from './os-error.js';
import { readDirectory } from './read-directory.js';
import { readFile } from './read-file.js';
import { remove } from './remove.js';
import { writeFile } from './write-file.js';

/**
 * The files of this machine, with the rights of this process. It enforces no `sandbox`: whoever takes requests
 * refuses those that ask for one. Every method rejects with a WireError whose `data` names `path` and `errno`.
 */
export class LocalFileSystem implements FileSystem {
  readFile(path: NativePath): Promise<Buffer> {
    return atPath(path, readFile(path));
  }

  writeFile(path: NativePath, data: Buffer): Promise<void> {
    return atPath(path, writeFile(path, data));
  }

  createDirectory(path: NativePath, { recursive = true }: { recursive?: boolean } = {}): Promise<void> {
    return atPath(path, createDirectory(path, { recursive }));
  }

  getMetadata(path: NativePath): Promise<FileMetadata> {
    return atPath(path, getMetadata(path));
  }

  readDirectory(path: NativePath): Promise<DirectoryEntry[]> {
    return atPath(path, readDirectory(path));
  }

  remove(
    path: NativePath,
    { recursive = true, force = true }: { recursive?: boolean; force?: boolean } = {},
  ): Promise<void> {
    return atPath(path, remove(path, { recursive, force }));
  }

  copy(
    source: NativePath,
    destination: NativePath,
    { recursive = false }: { recursive?: boolean } = {},
  ): Promise<void> {
    return atPath(source, copy(source, destination, { recursive }));
  }
}
