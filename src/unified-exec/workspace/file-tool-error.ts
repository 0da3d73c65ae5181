import { UnifiedExecError } from '../unified-exec-error.js';

/** A file, or what is asked of it, is not what the tool is for. */
export class FileToolError extends UnifiedExecError {
  override readonly name = 'FileToolError';
  readonly code = 'file_refused';
}
