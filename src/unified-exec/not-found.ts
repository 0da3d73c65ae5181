import { WireError } from '../protocol/errors.js';

/** There is no such file or directory. */
export function isNotFound(error: unknown): boolean {
  return error instanceof WireError && error.kind === 'not_found';
}
