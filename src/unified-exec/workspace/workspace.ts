import type { FileOptions, FileSystem } from '../../files/types.js';
import { type NativePath, PathError } from '../../protocol/paths.js';
import type { SandboxContext } from '../../protocol/sandbox.js';
import { resolveWorkdir } from '../executor-host.js';
import { FileToolError } from './file-tool-error.js';

/** The files that an agent works on. */
export interface Workspace {
  readonly files: FileSystem;
  /** Where relative paths begin. */
  readonly cwd: NativePath;
  /** What may be read and written; undefined: whatever the executor may. */
  readonly sandbox: SandboxContext | undefined;
}

/** A path as the model gives it: absolute, or below the working directory. Throws FileToolError. */
export function resolveIn({ cwd }: Workspace, path: string): NativePath {
  try {
    return resolveWorkdir(cwd, path);
  } catch (error) {
    throw error instanceof PathError ? new FileToolError(`${error.message}.`, { cause: error }) : error;
  }
}

export function fileOptions({ sandbox }: Workspace): FileOptions {
  return { sandbox };
}
