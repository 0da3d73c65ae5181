import { ErrorCode, WireError } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';
import type { FileOptions, FileSystem, OpenFile, OpenMode } from './types.js';

/** Undefined where files cannot be opened, or not in this mode: real servers up to 0.129 read and write them whole. */
export async function openIfSupported(
  files: FileSystem,
  path: NativePath,
  options: FileOptions & { mode: OpenMode },
): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, options);
  } catch (error) {
    if (isUnsupported(error)) return undefined;
    throw error;
  }
}

/** The place has no such operation, whatever it is asked to do it to. */
export function isUnsupported(error: unknown): boolean {
  if (error instanceof WireError) return error.code === ErrorCode.unknownMethod;
  return error instanceof Error && 'code' in error && error.code === 'unsupported';
}
