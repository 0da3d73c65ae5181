import type { NativePath } from '../../protocol/paths.js';
import { applyHunks } from './apply-hunks.js';
import type { FileStates } from './file-states.js';
import type { FilePatch } from './parse-patch.js';
import { PatchError } from './patch-error.js';

/** What was done, in the order of the patch, with paths as it writes them; of a moved file the new one. */
export interface PatchResult {
  added: string[];
  modified: string[];
  deleted: string[];
}

export interface Plan {
  /** How the files are to be. */
  states: FileStates;
  /** New path to old path, of files that move to where there is none. */
  moves: Map<NativePath, NativePath>;
  result: PatchResult;
}

/**
 * What a patch makes of the files that it names. Nothing is read or written: `before` holds them all. A file that is named more than
 * once is patched one time after the other. Throws PatchError, `patch_mismatch` or `patch_refused`.
 */
export function planChanges(
  patch: readonly FilePatch[],
  before: FileStates,
  resolve: (path: string) => NativePath,
): Plan {
  const states: FileStates = new Map(before);
  const moves = new Map<NativePath, NativePath>();
  const result: PatchResult = { added: [], modified: [], deleted: [] };
  const existing = (path: string): Buffer => {
    const content = states.get(resolve(path));
    if (content) return content;
    throw new PatchError('patch_refused', `There is no file ${resolve(path)}: check the path. Nothing was changed.`);
  };
  for (const file of patch) {
    const path = resolve(file.path);
    switch (file.type) {
      case 'add':
        states.set(path, Buffer.from(file.content));
        result.added.push(file.path);
        break;
      case 'delete':
        existing(file.path);
        states.set(path, undefined);
        result.deleted.push(file.path);
        break;
      case 'update': {
        const content = patched(existing(file.path), file, path);
        const target = resolve(file.moveTo ?? file.path);
        if (before.get(path) && !states.get(target)) moves.set(target, path);
        states.set(path, undefined);
        states.set(target, content); // last: it may be the same
        result.modified.push(file.moveTo ?? file.path);
      }
    }
  }
  return { states, moves, result };
}

function patched(content: Buffer, file: FilePatch & { type: 'update' }, path: NativePath): Buffer {
  if (file.hunks.length === 0) return content;
  return Buffer.from(applyHunks(asText(content, path), file.hunks, path));
}

function asText(content: Buffer, path: NativePath): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (error) {
    const why = `${path} is not UTF-8 text: edit it with a program, by exec_command. Nothing was changed.`;
    throw new PatchError('patch_refused', why, { cause: error });
  }
}
