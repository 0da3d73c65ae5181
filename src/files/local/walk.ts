import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import type { WalkEntry, WalkOptions, WalkResult } from '../types.js';
import type { Access, Place } from './access.js';
import { DIRECTORY_BATCH_ENTRIES, WALK_MAX } from './limits.js';
import { atPath, errnoOf, osError } from './os-error.js';
import { childPath } from './os-path.js';

// Known to node:fs, not to its typings: names arrive as Buffers.
const AS_BYTES = 'buffer' as BufferEncoding;

/**
 * Lists the tree below a directory, breadth first, by name (in byte order) within each directory; of a file, nothing.
 * Links to directories are listed and gone into only with `followDirectorySymlinks`, and nothing is gone into twice.
 * Directories that cannot be read, and whatever the access denies, are left out and named in `errors`. Limits that are
 * absent or above WALK_MAX are WALK_MAX; errors count as entries. Throws WireError when `path` itself cannot be read.
 */
export async function walk(access: Access, path: NativePath, options: WalkOptions = {}): Promise<WalkResult> {
  const walking = new Walk(access, options);
  await walking.begin(path);
  return walking.result;
}

interface Directory {
  path: NativePath;
  /** Of what is in it. */
  depth: number;
}

const DOT = 0x2e;

/** What a directory has to offer to a walk, in byte order of names. */
interface Candidate {
  name: Buffer;
  kind: WalkEntry['kind'] | 'symlink';
}

class Walk {
  readonly result: WalkResult = { entries: [], errors: [], truncated: false };
  readonly #access: Access;
  readonly #follow: boolean;
  readonly #pruneHidden: boolean;
  readonly #maxDepth: number;
  #directoriesLeft: number;
  #entriesLeft: number;
  #textLeft = WALK_MAX.text;
  #ended = false;
  /** Only when links are followed: without them no directory comes up twice. */
  readonly #visited = new Set<string>();

  constructor(access: Access, options: WalkOptions) {
    const limit = (name: keyof typeof WALK_MAX, given: number | undefined) =>
      Math.min(given ?? WALK_MAX[name], WALK_MAX[name]);
    this.#access = access;
    this.#follow = options.followDirectorySymlinks ?? false;
    this.#pruneHidden = options.pruneHiddenDirectories ?? false;
    this.#maxDepth = limit('depth', options.maxDepth);
    this.#directoriesLeft = limit('directories', options.maxDirectories);
    this.#entriesLeft = limit('entries', options.maxEntries);
  }

  async begin(path: NativePath): Promise<void> {
    const root = await atPath(path, this.#access.existing(path, 'read'));
    try {
      if (!(await atPath(path, root.stat())).isDirectory()) return;
    } finally {
      root.release();
    }
    let level: Directory[] = [{ path, depth: 0 }];
    while (level.length > 0) {
      const below: Directory[] = [];
      for (const directory of level) {
        if (this.#ended) return;
        try {
          await this.#enter(directory, below);
        } catch (error) {
          if (directory.path === path) throw error;
          this.#fail(directory.path, error);
        }
      }
      level = below;
    }
  }

  /** Reads a directory, and adds those below it that are to be read too. */
  async #enter({ path, depth }: Directory, below: Directory[]): Promise<void> {
    if (this.#directoriesLeft === 0) return this.#end();
    const place = await atPath(path, this.#access.existing(path, 'read'));
    try {
      if (this.#follow && (await this.#isKnown(place))) return;
      this.#directoriesLeft--;
      for (const candidate of await atPath(path, this.#list(place))) {
        const child = { path: childPath(path, pathFromBytes(candidate.name)), depth: depth + 1 };
        const kind = await this.#judge(place, child.path, candidate);
        if (kind === undefined) continue;
        if (!this.#add({ path: child.path, kind })) return;
        const pruned = this.#pruneHidden && candidate.name[0] === DOT;
        if (kind === 'directory' && depth < this.#maxDepth && !pruned) below.push(child);
      }
    } finally {
      place.release();
    }
  }

  async #isKnown(place: Place): Promise<boolean> {
    const { dev, ino } = await atPath(place.path, place.stat());
    const identity = `${dev}:${ino}`;
    if (this.#visited.has(identity)) return true;
    this.#visited.add(identity);
    return false;
  }

  /** Sorted; of a huge directory no more than can still be used is kept at any time. */
  async #list(place: Place): Promise<Candidate[]> {
    const usable = this.#entriesLeft + 1;
    let candidates: Candidate[] = [];
    const keepFirst = () => {
      candidates.sort((a, b) => Buffer.compare(a.name, b.name));
      if (candidates.length <= usable) return;
      candidates = candidates.slice(0, usable);
      this.result.truncated = true;
    };
    const directory = await opendir(place.os, { encoding: AS_BYTES, bufferSize: DIRECTORY_BATCH_ENTRIES });
    for await (const entry of directory) {
      const candidate = this.#candidate(entry);
      if (candidate) candidates.push(candidate);
      if (candidates.length >= 2 * usable + DIRECTORY_BATCH_ENTRIES) keepFirst();
    }
    keepFirst();
    return candidates;
  }

  #candidate(entry: Dirent): Candidate | undefined {
    const name = entry.name as unknown as Buffer;
    if (entry.isFile()) return { name, kind: 'file' };
    if (entry.isDirectory()) return { name, kind: 'directory' };
    return entry.isSymbolicLink() && this.#follow ? { name, kind: 'symlink' } : undefined;
  }

  /** What it is to be listed as, if at all. */
  async #judge(directory: Place, path: NativePath, { name, kind }: Candidate): Promise<WalkEntry['kind'] | undefined> {
    try {
      if (kind === 'symlink') return (await this.#leadsToDirectory(path)) ? 'directory' : undefined;
      (await this.#access.child(directory, pathFromBytes(name), 'read')).release();
      return kind;
    } catch (error) {
      // Gone meanwhile, or a link that leads nowhere: there is nothing to list.
      if (!['ENOENT', 'ELOOP', 'ENOTDIR'].includes(errnoOf(error) ?? '')) this.#fail(path, error);
      return undefined;
    }
  }

  async #leadsToDirectory(link: NativePath): Promise<boolean> {
    const place = await this.#access.existing(link, 'read');
    try {
      return (await place.stat()).isDirectory();
    } finally {
      place.release();
    }
  }

  #add(entry: WalkEntry): boolean {
    if (!this.#hasRoomFor(entry.path)) return false;
    this.result.entries.push(entry);
    return true;
  }

  #fail(path: NativePath, error: unknown): void {
    const { message } = osError(error, path);
    if (this.#hasRoomFor(path + message)) this.result.errors.push({ path, message });
  }

  #hasRoomFor(text: string): boolean {
    if (this.#ended || this.#entriesLeft === 0 || text.length > this.#textLeft) {
      this.#end();
      return false;
    }
    this.#entriesLeft--;
    this.#textLeft -= text.length;
    return true;
  }

  #end(): void {
    this.#ended = true;
    this.result.truncated = true;
  }
}
