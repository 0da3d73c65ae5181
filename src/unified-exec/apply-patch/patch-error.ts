import { UnifiedExecError } from '../unified-exec-error.js';

/**
 * - `invalid_patch`: it is not in the format;
 * - `patch_mismatch`: a file does not hold what the patch expects;
 * - `patch_refused`: a file cannot be read, or is none that can be patched;
 * - `patch_failed`: a file could not be changed; the message says how all of them are now.
 */
export type PatchErrorCode = 'invalid_patch' | 'patch_mismatch' | 'patch_refused' | 'patch_failed';

/** A patch was not applied. Nothing was changed, unless the message says so: then `mayHaveExecuted`. */
export class PatchError extends UnifiedExecError {
  override readonly name = 'PatchError';
  readonly code: PatchErrorCode;
  override readonly mayHaveExecuted: boolean;

  constructor(code: PatchErrorCode, message: string, options: ErrorOptions & { mayHaveExecuted?: boolean } = {}) {
    super(message, options);
    this.code = code;
    this.mayHaveExecuted = options.mayHaveExecuted ?? false;
  }
}
