import { type FSWatcher, watch } from 'node:fs';
import { internalError, invalidRequest } from '../../protocol/errors.js';
import { type NativePath, pathBytes, pathFromBytes } from '../../protocol/paths.js';
import type { Access, Place } from './access.js';
import type { ChangeQueue } from './change-queue.js';
import { countEvent, listenForLoss } from './event-burst.js';
import { forEachBounded } from './for-each-bounded.js';
import { FILE_CONCURRENCY, WATCH_MAX_DIRECTORIES, WATCH_MAX_UNSEEN } from './limits.js';
import { listDirectory } from './list-directory.js';
import { errnoOf, isSandboxDenied, osError } from './os-error.js';
import { childPath } from './os-path.js';
import { whenPresent } from './when-present.js';

/** A directory, or the one file, that the kernel tells us about. */
interface Watched {
  watcher: FSWatcher;
  /** Device and inode, links followed. */
  identity: string;
  /** Watched directories in it, by name. */
  children: Set<string>;
}

/** How to look at a path: `tell` reports what is found, because it was not there before. */
type Look = 'tell' | 'silent';

/**
 * One watch of the kernel for each directory of a tree, kept up with what is made, moved and removed in it. Every watch is
 * set on a place that the access has found, so nothing that is swapped meanwhile is watched instead.
 *
 * Not chokidar: it watches each file too (10,201 watches for 200 directories of 50 files), goes by path strings, loses names
 * that are not UTF-8 and does not tell that the root was removed. Not the `recursive` of node:fs: on Linux it does the same,
 * blocking, and does not come to an end with 10,000 new files in a minute.
 */
export class TreeWatch {
  readonly #access: Access;
  readonly #root: NativePath;
  readonly #recursive: boolean;
  readonly #changes: ChangeQueue;
  readonly #watched = new Map<NativePath, Watched>();
  readonly #ended = new AbortController();
  /** Names below the root about which something is to be found out. */
  #unseen = new Map<NativePath, Look>();
  #rootUnseen = false;
  /** Events may have been lost: everything is to be looked at anew, and whoever reads is told when that is done. */
  #distrusted = false;
  #overflowAfterLook = false;
  #looking: Promise<void> | undefined;
  #failure: Error | undefined;
  #unlisten: () => void = () => undefined;
  #awaitingRoot: Promise<void> | undefined;

  constructor(options: { access: Access; path: NativePath; recursive: boolean; changes: ChangeQueue }) {
    this.#access = options.access;
    this.#root = options.path;
    this.#recursive = options.recursive;
    this.#changes = options.changes;
  }

  /** Resolves when everything that is there is watched. */
  async start(): Promise<void> {
    this.#unlisten = listenForLoss(() => this.#distrust());
    try {
      this.#looking = this.#watchRoot('silent').then(() => this.#lookAround());
      await this.#looking;
      if (this.#failure) throw this.#failure;
    } catch (error) {
      this.#looking = undefined;
      await this.close();
      throw watchError(error, this.#root);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#end();
    await this.#looking;
    await this.#awaitingRoot;
  }

  #end(): void {
    this.#ended.abort();
    this.#unlisten();
    this.#drop(this.#root);
  }

  #distrust(): void {
    this.#distrusted = true;
    this.#unseen.clear();
    this.#see(this.#root);
  }

  #onEvent(path: NativePath, event: string, name: Buffer | null): void {
    countEvent();
    if (name === null || name.toString() === '.') {
      this.#onOwnEvent(path, event);
    } else {
      const changed = childPath(path, pathFromBytes(name));
      this.#changes.add(changed);
      if (this.#recursive && event === 'rename') this.#see(changed);
    }
  }

  /** What happens to a directory itself, the one above it reports as well, except of the root. */
  #onOwnEvent(path: NativePath, event: string): void {
    if (path === this.#root) this.#changes.add(path);
    // Removed or moved. Not left to a comparison: another directory may get the same inode at once.
    if (event === 'rename') this.#drop(path);
    if (event === 'rename' || path === this.#root) this.#see(path);
  }

  #see(path: NativePath, look: Look = 'tell'): void {
    if (path === this.#root) this.#rootUnseen = true;
    else this.#unseen.set(path, look);
    if (this.#unseen.size > WATCH_MAX_UNSEEN) this.#distrust();
    this.#looking ??= this.#lookAround();
  }

  /** Looks until nothing is left to be looked at. Never rejects: what goes wrong ends the watch. */
  async #lookAround(): Promise<void> {
    try {
      while (!this.#ended.signal.aborted && (this.#rootUnseen || this.#unseen.size > 0)) {
        if (this.#rootUnseen) await this.#lookAtRoot();
        const batch = [...this.#unseen];
        this.#unseen = new Map();
        await forEachBounded(batch, FILE_CONCURRENCY, ([path, look]) => this.#lookAt(path, look));
      }
      if (this.#overflowAfterLook) this.#changes.overflow();
      this.#overflowAfterLook = false;
    } catch (error) {
      this.#fail(error);
    } finally {
      // In the same breath as the last question whether something is left: what comes next begins anew.
      this.#looking = undefined;
    }
  }

  async #lookAtRoot(): Promise<void> {
    const anew = this.#distrusted;
    this.#distrusted = false;
    this.#overflowAfterLook ||= anew;
    this.#rootUnseen = false;
    try {
      if (!anew && (await this.#rootIdentity()) === this.#watched.get(this.#root)?.identity) return;
      this.#drop(this.#root);
      await this.#watchRoot(anew ? 'silent' : 'tell');
      if (!anew) this.#changes.add(this.#root);
    } catch (error) {
      if (!isMissing(error)) throw error;
      this.#drop(this.#root);
      this.#changes.add(this.#root);
      this.#awaitRoot();
    }
  }

  #awaitRoot(): void {
    this.#awaitingRoot ??= whenPresent([this.#root], this.#ended.signal)
      .then(() => this.#see(this.#root))
      .catch((error: unknown) => {
        if (!this.#ended.signal.aborted) this.#fail(error);
      })
      .finally(() => {
        this.#awaitingRoot = undefined;
      });
  }

  async #rootIdentity(): Promise<string> {
    const place = await this.#access.existing(this.#root, 'read');
    try {
      return identityOf(await place.stat());
    } finally {
      place.release();
    }
  }

  async #watchRoot(look: Look): Promise<void> {
    const place = await this.#access.existing(this.#root, 'read');
    try {
      const stats = await place.stat();
      await this.#watch(place, { identity: identityOf(stats), isDirectory: stats.isDirectory(), look });
    } finally {
      place.release();
    }
    // Replaced before the watch was set: no event tells of that.
    const { identity } = this.#watched.get(this.#root) ?? {};
    if ((await this.#rootIdentity()) !== identity) this.#see(this.#root);
  }

  /** Finds out whether a name below the root is a directory to be watched. */
  async #lookAt(path: NativePath, look: Look): Promise<void> {
    try {
      const name = await this.#access.name(path, 'read');
      try {
        const stats = await name.stat();
        const identity = identityOf(stats);
        if (stats.isDirectory() && this.#watched.get(path)?.identity === identity) return;
        this.#drop(path);
        if (!stats.isDirectory()) return;
        const place = await this.#access.hold(name, 'read');
        try {
          await this.#watch(place, { identity, isDirectory: true, look });
        } finally {
          if (place !== name) place.release();
        }
      } finally {
        name.release();
      }
    } catch (error) {
      if (!isMissing(error) && !isNotOurs(error)) throw error;
      this.#drop(path);
    }
  }

  /** The watch first, then the look at what is there: what comes between the two is not missed. */
  async #watch(
    place: Place,
    { identity, isDirectory, look }: { identity: string; isDirectory: boolean; look: Look },
  ): Promise<void> {
    // Without the one above it has no place in the tree: it is found again when that one is.
    if (this.#ended.signal.aborted || (place.path !== this.#root && !this.#above(place.path))) return;
    if (this.#watched.size >= WATCH_MAX_DIRECTORIES) throw tooManyDirectories(this.#root);
    const { path } = place;
    const watcher = watch(isDirectory ? itself(place.os) : place.os, { encoding: 'buffer' });
    watcher.on('change', (event, name) => this.#onEvent(path, event, isDirectory ? (name as Buffer | null) : null));
    watcher.on('error', (error) => this.#fail(error));
    this.#watched.set(path, { watcher, identity, children: new Set() });
    this.#above(path)?.children.add(path);
    if (!isDirectory || (look === 'silent' && !this.#recursive)) return;
    for (const { name, type } of await listDirectory(place)) {
      const child = childPath(path, name);
      if (look === 'tell') this.#changes.add(child);
      if (type === 'directory' && this.#recursive) this.#unseen.set(child, look);
    }
  }

  #above(path: NativePath): Watched | undefined {
    return path === this.#root ? undefined : this.#watched.get(path.slice(0, path.lastIndexOf('/')) || '/');
  }

  /** Ends the watches of a directory and of all below it. */
  #drop(path: NativePath): void {
    const dropped = this.#watched.get(path);
    if (!dropped) return;
    dropped.watcher.close();
    this.#watched.delete(path);
    this.#above(path)?.children.delete(path);
    for (const child of dropped.children) this.#drop(child);
  }

  #fail(error: unknown): void {
    this.#failure ??= watchError(error, this.#root);
    this.#changes.fail(this.#failure);
    this.#end();
  }
}

/** With `/.` at the end no name in a directory can be taken for the directory itself. */
function itself(os: string | Buffer): string | Buffer {
  return typeof os === 'string' ? `${os}/.` : Buffer.concat([os, pathBytes('/.')]);
}

function identityOf({ dev, ino }: { dev: bigint; ino: bigint }): string {
  return `${dev}:${ino}`;
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
}

function isNotOurs(error: unknown): boolean {
  return isSandboxDenied(error) || ['EACCES', 'EPERM', 'ELOOP'].includes(errnoOf(error) ?? '');
}

function tooManyDirectories(path: NativePath): Error {
  const message = `more than ${WATCH_MAX_DIRECTORIES} directories below \`${path.toWellFormed()}\` to watch: watch a part of them`;
  return invalidRequest('limit_reached', message, { path: path.toWellFormed() });
}

function watchError(error: unknown, path: NativePath): Error {
  const errno = errnoOf(error);
  const setting = errno === 'ENOSPC' ? 'max_user_watches' : errno === 'EMFILE' ? 'max_user_instances' : undefined;
  if (!setting) return osError(error, path);
  // The text of the operating system would be about disks and descriptors.
  return internalError('limit_reached', `this machine has no watches left: raise fs.inotify.${setting}`, {
    path: path.toWellFormed(),
    errno,
  });
}
