import type { FileOptions, FileSystem } from '../../files/types.js';
import { type NativePath, PathError } from '../../protocol/paths.js';
import { resolveWorkdir } from '../executor-host.js';
import { describeFailure } from '../unified-exec-error.js';
import { carryOut } from './carry-out.js';
import { changeSteps } from './change-steps.js';
import { FileStateError, type FileStates, isSame, readStates } from './file-states.js';
import { type FilePatch, parsePatch } from './parse-patch.js';
import { PatchError } from './patch-error.js';
import { type PatchResult, planChanges } from './plan-changes.js';

export interface ApplyPatchOptions extends FileOptions {
  /** Where relative paths begin, as a path over there. */
  cwd: NativePath;
  /** Stops before the first write; from then on the patch is applied as a whole. */
  signal?: AbortSignal | undefined;
}

/**
 * Applies a patch in the `*** Begin Patch` format. It is read, and matched against all files, before anything is written; when a
 * write fails, those before it are undone. Rejects with PatchError, or the reason of `signal`.
 */
export async function applyPatch(files: FileSystem, text: string, options: ApplyPatchOptions): Promise<PatchResult> {
  const { cwd, signal, ...fileOptions } = options;
  signal?.throwIfAborted();
  const patch = parsePatch(text);
  const resolve = (path: string) => resolvePath(cwd, path);
  const before = await read(files, namedPaths(patch, resolve), fileOptions);
  const plan = planChanges(patch, before, resolve);
  const steps = await changeSteps(files, before, plan, fileOptions);
  // Somebody else may be at work: what was read for the plan has to be there still, as far as can be seen.
  const now = await read(files, before.keys(), fileOptions);
  const moved = [...before.keys()].find((path) => !isSame(before.get(path), now.get(path)));
  if (moved !== undefined) {
    const why = `${moved} was changed by somebody else meanwhile: read it again. Nothing was changed by the patch.`;
    throw new PatchError('patch_refused', why);
  }
  signal?.throwIfAborted();
  await carryOut(files, steps, before, fileOptions);
  return plan.result;
}

/** The text that models know from Codex. */
export function formatPatchResult({ added, modified, deleted }: PatchResult): string {
  return [
    'Success. Updated the following files:',
    ...added.map((path) => `A ${path}`),
    ...modified.map((path) => `M ${path}`),
    ...deleted.map((path) => `D ${path}`),
    '',
  ].join('\n');
}

function namedPaths(patch: readonly FilePatch[], resolve: (path: string) => NativePath): Set<NativePath> {
  const written = patch.flatMap((file) =>
    file.type === 'update' && file.moveTo !== undefined ? [file.path, file.moveTo] : [file.path],
  );
  return new Set(written.map(resolve));
}

async function read(files: FileSystem, paths: Iterable<NativePath>, options: FileOptions): Promise<FileStates> {
  try {
    return await readStates(files, paths, options);
  } catch (error) {
    if (!(error instanceof FileStateError)) throw error;
    const { message } = describeFailure(error.cause);
    throw new PatchError('patch_refused', `Failed to read ${error.path}: ${message}. Nothing was changed.`, {
      cause: error.cause,
    });
  }
}

function resolvePath(cwd: NativePath, path: string): NativePath {
  try {
    return resolveWorkdir(cwd, path);
  } catch (error) {
    if (!(error instanceof PathError)) throw error;
    throw new PatchError('invalid_patch', `Invalid patch: ${error.message}. Nothing was changed.`, { cause: error });
  }
}
