import type { FileOptions, FileSystem } from '../../files/types.js';
import type { NativePath } from '../../protocol/paths.js';
import { isNotFound } from '../not-found.js';

/** What files hold; undefined where there is none. */
export type FileStates = Map<NativePath, Buffer | undefined>;

/** Larger files are not for patches: several copies of each are in memory. */
export const PATCHED_FILE_MAX_BYTES = 16 * 1024 * 1024;

/** A file could not be read. `cause` is what the environment says. */
export class FileStateError extends Error {
  readonly path: NativePath;

  constructor(path: NativePath, cause: unknown) {
    super(`cannot read ${path}`, { cause });
    this.path = path;
  }
}

/** Reads all of them at once. Rejects with FileStateError. */
export async function readStates(
  files: FileSystem,
  paths: Iterable<NativePath>,
  options: FileOptions,
): Promise<FileStates> {
  const read = async (path: NativePath): Promise<[NativePath, Buffer | undefined]> => {
    try {
      return [path, await files.readFile(path, { ...options, maxBytes: PATCHED_FILE_MAX_BYTES })];
    } catch (error) {
      if (isNotFound(error)) return [path, undefined];
      throw new FileStateError(path, error);
    }
  };
  return new Map(await Promise.all([...paths].map(read)));
}

export function isSame(a: Buffer | undefined, b: Buffer | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.equals(b));
}
