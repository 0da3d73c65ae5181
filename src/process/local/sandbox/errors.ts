import { invalidRequest, type WireError } from '../../../protocol/errors.js';

/** A start that was refused because its sandbox cannot be had. Nothing has run. `why` says what to do about it. */
export function sandboxUnavailable(why: string): WireError {
  return invalidRequest(
    'sandbox_unavailable',
    `the process was not started, because its sandbox cannot be had: ${why}`,
  );
}
