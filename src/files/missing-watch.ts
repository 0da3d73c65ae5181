import { setTimeout as delay } from 'node:timers/promises';
import { WireError } from '../protocol/errors.js';
import type { NativePath } from '../protocol/paths.js';
import type { FileMetadata, FileOptions, FileSystem, FileWatcher } from './types.js';

/** How often places are looked at that cannot be watched. Whoever waits for a file to appear is a person, or slower. */
export const MISSING_POLL_MS = 1_000;

/** How far the way to a path exists at which nothing is. */
interface Gap {
  /** The nearest directory above that is there; undefined where the sandbox does not let it be seen. */
  readonly parent: NativePath | undefined;
  /** What would come next on the way from there. */
  readonly next: NativePath;
}

export interface MissingWatch {
  /** Resolves when it is time to look again: once. Never rejects. Does not resolve after `close`. */
  readonly changed: Promise<void>;
  close(): Promise<void>;
}

/**
 * Waits until something appears on the way to one of the `missing` paths, the directory it would appear in goes, or what is
 * `present` changes or goes. Undefined when that is so already. Watches directories where the file system can do that, and
 * looks once a second where it cannot. Throws a WireError when it cannot even look.
 */
export async function watchMissing(
  files: FileSystem,
  { missing, present }: { missing: readonly NativePath[]; present?: NativePath | undefined },
  options: FileOptions = {},
): Promise<MissingWatch | undefined> {
  const metadata = (path: NativePath) => metadataIfThere(files, path, options);
  const look = () => lookAt(metadata, missing, present);
  const before = await look();
  if (before === undefined) return undefined;
  const watchers = await startWatchers(files, placesToWatch(before, present), options);
  const ending = new AbortController();
  let told: (() => void) | undefined;
  const changed = new Promise<void>((resolve) => {
    told = resolve;
  });
  const end = async () => {
    ending.abort();
    // A watch that has failed needs no closing; that something has changed is known by then.
    await Promise.allSettled(watchers.map((watcher) => watcher.close()));
  };
  const tell = () => {
    if (ending.signal.aborted) return;
    told?.();
    void end();
  };
  if (watchers.length === 0) void poll(before, look, tell, ending.signal);
  for (const watcher of watchers) void followWatcher(watcher, before, present, look, tell);
  // What happened before the watches were there, nobody has seen.
  if ((await look())?.state === before.state) return { changed, close: end };
  await end();
  return undefined;
}

/** None where one of them cannot be seen. */
function placesToWatch({ gaps }: Situation, present: NativePath | undefined): NativePath[] {
  const places = [...gaps.map(({ parent }) => parent), ...(present === undefined ? [] : [present])];
  return places.every((place) => place !== undefined) ? [...new Set(places)] : [];
}

/** All of them or none: no watches left, no `fs/watch` over there, or something has just gone. */
async function startWatchers(
  files: FileSystem,
  places: readonly NativePath[],
  options: FileOptions,
): Promise<FileWatcher[]> {
  const watchers: FileWatcher[] = [];
  try {
    for (const place of places) watchers.push(await files.watch(place, options));
    return watchers;
  } catch {
    // They are looked at instead, at the latest when whoever is told looks again.
    await Promise.allSettled(watchers.map((watcher) => watcher.close()));
    return [];
  }
}

type MetadataIfThere = (path: NativePath) => Promise<FileMetadata | undefined>;

interface Situation {
  gaps: readonly Gap[];
  /** Two situations are the same when this is. */
  state: string;
}

/** Undefined if nothing is missing, or nothing is where something should be. */
async function lookAt(
  metadata: MetadataIfThere,
  missing: readonly NativePath[],
  present: NativePath | undefined,
): Promise<Situation | undefined> {
  const gaps = await Promise.all(missing.map((path) => gapOf(metadata, path)));
  const found = present === undefined ? '' : await fingerprint(metadata, present);
  if (found === undefined || !gaps.every((gap) => gap !== undefined)) return undefined;
  return { gaps, state: [found, ...gaps.map(({ next }) => next)].join('\0') };
}

/** Undefined if something is at the path, or nothing can be because what is above is no directory. */
async function gapOf(metadata: MetadataIfThere, path: NativePath): Promise<Gap | undefined> {
  if ((await metadata(path)) !== undefined) return undefined;
  try {
    for (let next = path; next !== '/'; next = parentOf(next)) {
      const above = await metadata(parentOf(next));
      if (above) return above.isDirectory ? { parent: parentOf(next), next } : undefined;
    }
  } catch (error) {
    if (error instanceof WireError && error.kind === 'sandbox_denied') return { parent: undefined, next: path };
    throw error;
  }
  return undefined;
}

async function fingerprint(metadata: MetadataIfThere, path: NativePath): Promise<string | undefined> {
  const found = await metadata(path);
  // What a directory holds is not what it is: only a file's size and time count.
  if (found?.isDirectory) return 'directory';
  return found && JSON.stringify(found);
}

/** `tell`s when what the watcher sees concerns one of the paths. */
async function followWatcher(
  watcher: FileWatcher,
  { gaps, state }: Situation,
  present: NativePath | undefined,
  look: () => Promise<Situation | undefined>,
  tell: () => void,
): Promise<void> {
  const concerned = new Set([...gaps.map(({ next }) => next), ...(present ? [present] : [])]);
  const parents = new Set(gaps.map(({ parent }) => parent));
  try {
    for await (const { changedPaths, overflow } of watcher) {
      // A directory changes with everything in it; what is in the way of a name has a name of its own.
      const certain = changedPaths.some((path) => concerned.has(path) && !parents.has(path));
      if (certain || overflow || (await look())?.state !== state) return tell();
    }
  } catch {
    tell(); // it cannot be watched any more: whoever looks again finds out why
  }
}

async function poll(
  { state }: Situation,
  look: () => Promise<Situation | undefined>,
  tell: () => void,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await delay(MISSING_POLL_MS, undefined, { signal, ref: false });
    } catch {
      return; // closed
    }
    // When it cannot be looked at any more, whoever looks again finds out why.
    const now = await look().catch(() => undefined);
    if (now?.state !== state) return tell();
  }
}

async function metadataIfThere(files: FileSystem, path: NativePath, options: FileOptions) {
  try {
    return await files.getMetadata(path, options);
  } catch (error) {
    if (error instanceof WireError && (error.kind === 'not_found' || error.data.errno === 'ENOTDIR')) return undefined;
    throw error;
  }
}

function parentOf(path: NativePath): NativePath {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}
