import { posix } from 'node:path';
import type { TomlTable } from 'smol-toml';
import type { FileSystem } from '../files/types.js';
import type { NativePath } from '../protocol/paths.js';
import { valueAt } from './toml-selection.js';

/** What marks the root of a project, unless `project_root_markers` says otherwise. */
const ROOT_MARKERS = ['.git'];

/** The nearest directory at or above `cwd` that holds a marker; without one, `cwd` itself. `tables`: strongest first. */
export async function projectRoot(
  files: FileSystem,
  cwd: NativePath,
  tables: readonly TomlTable[],
): Promise<NativePath> {
  const markers = rootMarkers(tables);
  for (const directory of directoriesFromRoot('/', cwd).reverse()) {
    const found = await Promise.all(markers.map((marker) => exists(files, posix.join(directory, marker))));
    if (found.includes(true)) return directory;
  }
  return cwd;
}

/** `root`, and every directory on the way down to `cwd`, which it contains. */
export function directoriesFromRoot(root: NativePath, cwd: NativePath): NativePath[] {
  const directories = [cwd];
  for (let at = cwd; at !== root && at !== '/'; ) {
    at = posix.dirname(at);
    directories.unshift(at);
  }
  return directories;
}

/**
 * Those of the directories, which go from the root of a project down, whose configuration the user lets count:
 * `projects."PATH".trust_level` of it or of one above it is `trusted`. One that is not to be trusted spoils them all.
 */
export async function trustedDirectories(
  files: FileSystem,
  directories: readonly NativePath[],
  tables: readonly TomlTable[],
): Promise<NativePath[]> {
  const levels = await Promise.all(directories.map((directory) => trustLevel(files, directory, tables)));
  if (levels.includes('untrusted')) return [];
  const first = levels.indexOf('trusted');
  return first < 0 ? [] : directories.slice(first);
}

/** By the path as it was asked for, else by the one without links. */
async function trustLevel(files: FileSystem, directory: NativePath, tables: readonly TomlTable[]): Promise<unknown> {
  const said = (path: NativePath) =>
    tables.map((table) => valueAt(table, ['projects', path, 'trust_level'])).find((level) => level !== undefined);
  const literal = said(directory);
  if (literal !== undefined || tables.every((table) => valueAt(table, ['projects']) === undefined)) return literal;
  // A directory that is not there, or that its server cannot resolve, has one name only.
  return said(await files.canonicalize(directory).catch(() => directory));
}

function rootMarkers(tables: readonly TomlTable[]): string[] {
  const [markers] = tables.map((table) => valueAt(table, ['project_root_markers'])).filter(Array.isArray);
  return markers?.filter((marker) => typeof marker === 'string') ?? ROOT_MARKERS;
}

/** What cannot be looked at is not there: a marker is a hint. */
function exists(files: FileSystem, path: NativePath): Promise<boolean> {
  return files.getMetadata(path).then(
    () => true,
    () => false,
  );
}
