import { internalError, type WireError } from '../../protocol/errors.js';
import { osErrorText } from '../../protocol/os-error.js';

/** A start that failed, in the words of the operating system, then ours. Nothing runs. */
export function spawnFailed(code: string, what: string): WireError {
  return internalError('spawn_failed', `${osErrorText(code)}: ${what}`, { errno: code });
}
