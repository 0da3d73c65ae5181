import { isUnsupported } from '../../files/open-support.js';
import type { FileOperation, FileOptions, FileSystem } from '../../files/types.js';
import { MAX_BATCH_OPERATIONS } from '../../protocol/limits.js';
import { describeFailure } from '../unified-exec-error.js';
import type { ChangeStep } from './change-steps.js';
import { type FileStates, isSame, PATCHED_FILE_MAX_BYTES, readStates } from './file-states.js';
import { PatchError } from './patch-error.js';

/** Written in one batch: as base64 within one message, with room to spare. */
const BATCH_MAX_BYTES = 2 * PATCHED_FILE_MAX_BYTES;

/**
 * Does all steps, or none: when one fails, those before it are undone. Rejects with PatchError, `patch_failed`, which says what is
 * changed all the same; that is found out by looking.
 */
export async function carryOut(
  files: FileSystem,
  steps: readonly ChangeStep[],
  before: FileStates,
  options: FileOptions,
): Promise<void> {
  let done = 0;
  let atomic = true;
  while (done < steps.length) {
    const batch = nextBatch(steps.slice(done));
    const { count, error } = await perform(
      files,
      batch.map(({ operation }) => (atomic ? operation : plain(operation))),
      options,
    );
    done += count;
    if (error === undefined) continue;
    // Real servers write in place only.
    if (atomic && isUnsupported(error)) atomic = false;
    else throw await undone(files, steps.slice(0, done + 1), { atomic, before, error, options });
  }
}

interface Trouble {
  atomic: boolean;
  before: FileStates;
  error: Error;
  options: FileOptions;
}

/** The last of the steps is the one that failed, and may have been done in part. */
async function undone(
  files: FileSystem,
  steps: readonly ChangeStep[],
  { atomic, before, error, options }: Trouble,
): Promise<PatchError> {
  const failed = steps.at(-1);
  const { message, mayHaveExecuted } = describeFailure(error);
  // Where nothing came of it, there may be somebody else's file by now.
  const toUndo = mayHaveExecuted || !atomic ? steps : steps.slice(0, -1);
  for (const { undo } of toUndo.toReversed()) {
    await perform(files, [atomic ? undo : plain(undo)], options); // what is left of it is looked at below
  }
  const { text, changed } = await standing(files, before, steps, options);
  return new PatchError('patch_failed', `Failed to write ${failed?.path}: ${message}. ${text}`, {
    cause: error,
    mayHaveExecuted: changed,
  });
}

/** How the files are now that were to be changed. */
async function standing(
  files: FileSystem,
  before: FileStates,
  steps: readonly ChangeStep[],
  options: FileOptions,
): Promise<{ text: string; changed: boolean }> {
  const paths = [...before.keys()].filter((path) => steps.some((step) => step.path === path));
  try {
    const now = await readStates(files, paths, options);
    const changed = paths.filter((path) => !isSame(before.get(path), now.get(path)));
    if (changed.length === 0) return { text: 'Nothing was changed.', changed: false };
    return {
      text: `These files are not as they were, read them before going on: ${changed.join(', ')}.`,
      changed: true,
    };
  } catch {
    return {
      text: `It is not known which of these files were changed, read them before going on: ${paths.join(', ')}.`,
      changed: true,
    };
  }
}

/** How many were done, and what the next one failed with. Of a batch that failed as a whole that may be any of them. */
async function perform(
  files: FileSystem,
  operations: readonly FileOperation[],
  options: FileOptions,
): Promise<{ count: number; error?: Error }> {
  try {
    const results = await files.batch(operations, options);
    const count = results.findIndex(({ status }) => status === 'failed');
    const failed = results[count];
    return failed?.status === 'failed' ? { count, error: failed.error } : { count: operations.length };
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    const unknown = describeFailure(failure).mayHaveExecuted;
    return { count: unknown ? operations.length - 1 : 0, error: failure };
  }
}

function nextBatch(steps: readonly ChangeStep[]): ChangeStep[] {
  let bytes = 0;
  const end = steps.findIndex(({ operation }, i) => {
    bytes += operation.op === 'writeFile' ? operation.data.length : 0;
    return i > 0 && (bytes > BATCH_MAX_BYTES || i >= MAX_BATCH_OPERATIONS);
  });
  return steps.slice(0, end < 0 ? undefined : end);
}

function plain(operation: FileOperation): FileOperation {
  return operation.op === 'writeFile' ? { ...operation, atomic: false } : operation;
}
