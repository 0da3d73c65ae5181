import type { FileOperation, FileOptions, FileSystem } from '../../files/types.js';
import type { NativePath } from '../../protocol/paths.js';
import { isNotFound } from '../not-found.js';
import { type FileStates, isSame } from './file-states.js';
import type { Plan } from './plan-changes.js';

/** One operation, and what takes it back. Taking it back is right whether or not it was done. */
export interface ChangeStep {
  path: NativePath;
  operation: FileOperation;
  undo: FileOperation;
}

/** Directories first, then what is written, then what is removed: until the last step nothing is missing anywhere. */
export async function changeSteps(
  files: FileSystem,
  before: FileStates,
  { states, moves }: Plan,
  options: FileOptions,
): Promise<ChangeStep[]> {
  const changed = [...states].filter(([path, data]) => !isSame(data, before.get(path)));
  const created = changed.filter(([path, data]) => data && !before.get(path)).map(([path]) => path);
  const directories = (await missingDirectories(files, created, options)).map((path) => createDirectory(path));
  const copies = created.flatMap((path) => copyOfMoved(path, moves.get(path)));
  const writes = changed.flatMap(([path, data]) => (data ? [write(path, data, before.get(path))] : []));
  const removals = changed.flatMap(([path, data]) => (data ? [] : [removal(path, before.get(path))]));
  return [...directories, ...copies, ...writes, ...removals];
}

const remove = (path: NativePath): FileOperation => ({ op: 'remove', path, recursive: false, force: true });
const writeFile = (path: NativePath, data: Buffer): FileOperation => ({ op: 'writeFile', path, data, atomic: true });

function createDirectory(path: NativePath): ChangeStep {
  return { path, operation: { op: 'createDirectory', path, recursive: true }, undo: remove(path) };
}

/** Gives the new file the mode of the old one. */
function copyOfMoved(path: NativePath, source: NativePath | undefined): ChangeStep[] {
  if (source === undefined) return [];
  return [{ path, operation: { op: 'copy', source, destination: path, recursive: false }, undo: remove(path) }];
}

function write(path: NativePath, data: Buffer, before: Buffer | undefined): ChangeStep {
  return { path, operation: writeFile(path, data), undo: before ? writeFile(path, before) : remove(path) };
}

function removal(path: NativePath, before: Buffer | undefined): ChangeStep {
  const operation: FileOperation = { op: 'remove', path, recursive: false, force: false };
  return { path, operation, undo: writeFile(path, before ?? Buffer.alloc(0)) };
}

/** Those on the way to `paths` that are not there, each before what is in it. One that is not to be seen is taken to be there. */
async function missingDirectories(
  files: FileSystem,
  paths: readonly NativePath[],
  options: FileOptions,
): Promise<NativePath[]> {
  const all = [...new Set(paths.flatMap(ancestors))];
  const isMissing = await Promise.all(
    all.map(async (path) => {
      try {
        await files.getMetadata(path, options);
        return false;
      } catch (error) {
        return isNotFound(error);
      }
    }),
  );
  return all.filter((_, i) => isMissing[i]).sort((a, b) => a.length - b.length);
}

/** `/a/b/c`: `/a/b` and `/a`. */
function ancestors(path: NativePath): NativePath[] {
  const parent = path.slice(0, path.lastIndexOf('/'));
  return parent === '' ? [] : [parent, ...ancestors(parent)];
}
