import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import { PRESENCE_RECHECK_MS } from './limits.js';
import { childPath, osPath, parentPath } from './os-path.js';

/**
 * Resolves when one of the paths leads to something, at once if one does already. Rejects with the signal's reason when
 * that aborts. A link that leads nowhere counts as nothing.
 */
export async function whenPresent(paths: readonly NativePath[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const ended = new AbortController();
  const end = AbortSignal.any([signal, ended.signal]);
  try {
    await Promise.race(paths.map((path) => appears(path, end)));
    signal.throwIfAborted();
  } finally {
    ended.abort();
  }
}

/** Resolves when it is there, or when there is no more need to know. */
async function appears(path: NativePath, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await isThere(path))) {
    const way = await lastOnTheWay(path);
    // The watch first, then the look: what comes between the two is not missed.
    const change = nextChangeOf(way, signal);
    if (signal.aborted || (await isThere(childPath(way.directory, way.name)))) change.forget();
    await change.seen;
  }
}

interface Way {
  directory: NativePath;
  /** What is missing in it. */
  name: string;
}

/** How far the way to a missing path exists. */
async function lastOnTheWay(path: NativePath): Promise<Way> {
  let missing = path;
  let directory = parentPath(path);
  while (directory !== '/' && !(await isDirectory(directory))) {
    missing = directory;
    directory = parentPath(directory);
  }
  return { directory, name: missing.slice(missing.lastIndexOf('/') + 1) };
}

/** Something happened to a name in a directory, or to the directory; or it was long enough ago that we looked. */
function nextChangeOf({ directory, name }: Way, signal: AbortSignal): { seen: Promise<void>; forget(): void } {
  let forget: () => void = () => undefined;
  const seen = new Promise<void>((resolve) => {
    forget = resolve;
  });
  const watcher = watchIfPossible(directory, (changed) => {
    if (changed === undefined || changed === name) forget();
  });
  // Not every change comes to our ears: the target of a link, a mount, a network file system, a machine out of watches.
  const recheck = setTimeout(forget, PRESENCE_RECHECK_MS);
  signal.addEventListener('abort', forget);
  const done = seen.then(() => {
    watcher?.close();
    clearTimeout(recheck);
    signal.removeEventListener('abort', forget);
  });
  return { seen: done, forget };
}

function watchIfPossible(directory: NativePath, onChange: (name?: string) => void): FSWatcher | undefined {
  try {
    // With `/.` at the end no name in it can be taken for the directory itself.
    const watcher = watch(osPath(childPath(directory, '.')), { encoding: 'buffer' }, (_, name) => {
      onChange(name === null || name.toString() === '.' ? undefined : pathFromBytes(name));
    });
    watcher.on('error', () => onChange());
    return watcher;
  } catch {
    // It has gone again, or there are no watches left: the look that follows, or the next one, tells.
    return undefined;
  }
}

const isThere = (path: NativePath) =>
  stat(osPath(path)).then(
    () => true,
    () => false,
  );

const isDirectory = (path: NativePath) =>
  stat(osPath(path)).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
