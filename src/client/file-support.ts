import { ErrorCode, WireError } from '../protocol/errors.js';
import { UnsupportedByServerError } from './errors.js';

/** What of files some servers do not have, and what to do instead. */
const REMEDIES = {
  'following no symbolic links': 'leave `followSymlinks` out, or look with getMetadata first',
  'writing atomically': 'leave `atomic` out, or write next to the file and move it with a command',
  'renaming files': 'copy and remove, or run `mv`',
  'resolving paths': 'run `realpath`',
  'walking trees': 'use readDirectory, directory by directory',
  'open files': 'read or write the file as a whole',
  'opening files for update': 'open with mode `replace`, or write the file as a whole',
  'watching files': 'look with getMetadata again from time to time',
} as const;

export type FileFeature = keyof typeof REMEDIES;

export function unsupported(feature: FileFeature): UnsupportedByServerError {
  return new UnsupportedByServerError(feature, REMEDIES[feature]);
}

/** The answer of a server that may not know the method, which says so only when asked. */
export async function supported<T>(feature: FileFeature, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof WireError && error.code === ErrorCode.unknownMethod) throw unsupported(feature);
    throw error;
  }
}
