import { type BigIntStats, closeSync, constants, fstat, fstatSync, open, readlinkSync } from 'node:fs';
import { lstat, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { AccessPolicy } from '../../permissions/types.js';
import { WireError } from '../../protocol/errors.js';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import { type Access, allows, type Place, type Wanted } from './access.js';
import { MAX_LINKS } from './limits.js';
import { listDirectory } from './list-directory.js';
import { aliasesOf, isLocal, type Mount, mountOf } from './mounts.js';
import { errnoOf, sandboxDenied, symlinkRefused } from './os-error.js';
import { childPath, osPath, parentPath } from './os-path.js';

const openFd = promisify(open);
const statFd = promisify<number, { bigint: true }, BigIntStats>(fstat as never);

/** Linux only, so Node has no name for it. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;

/** A held place: an `O_PATH` descriptor, which names what was found and nothing else from then on. */
class Anchor implements Place {
  readonly held = true;
  readonly openFlags = 0;
  readonly path: NativePath;
  /** Where it really was when it was judged. */
  readonly real: NativePath;
  /** Known where there is a policy. */
  readonly mount: Mount | undefined;
  readonly #fd: number;
  #open = true;

  constructor(fd: number, path: NativePath, { real, mount }: { real: NativePath; mount: Mount | undefined }) {
    this.#fd = fd;
    this.path = path;
    this.real = real;
    this.mount = mount;
  }

  get os(): string {
    return `/proc/self/fd/${this.#fd}`;
  }

  async stat(): Promise<BigIntStats> {
    return isLocal(this.mount) ? fstatSync(this.#fd, { bigint: true }) : statFd(this.#fd, { bigint: true });
  }

  async confirm(): Promise<void> {
    // what is held cannot be swapped
  }

  release(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd); // of O_PATH it flushes nothing, so it cannot block
  }
}

/** A name in a held directory. */
class AnchoredName implements Place {
  readonly held = false;
  readonly openFlags = O_NOFOLLOW;
  readonly path: NativePath;
  readonly real: NativePath;
  readonly os: string | Buffer;
  readonly directory: Anchor;
  readonly #ownsDirectory: boolean;

  constructor(directory: Anchor, name: string, options: { path: NativePath; ownsDirectory: boolean }) {
    this.directory = directory;
    this.path = options.path;
    this.real = childPath(directory.real, name);
    this.os = osPath(`${directory.os}/${name}`);
    this.#ownsDirectory = options.ownsDirectory;
  }

  get mount(): Mount | undefined {
    return this.directory.mount;
  }

  stat(): Promise<BigIntStats> {
    return lstat(this.os, { bigint: true });
  }

  async confirm(): Promise<void> {
    // not followed, in a directory that is held
  }

  release(): void {
    if (this.#ownsDirectory) this.directory.release();
  }
}

/**
 * Linux: what is found is held by a descriptor, its real path is asked of the kernel and judged, and the work is done on the
 * descriptor. No path is looked up twice, so nothing that is swapped meanwhile is ever touched. Links, `..` and
 * /proc/PID/root are followed by the kernel and judged by where they led; a mount of another namespace is refused.
 */
export class AnchoredAccess implements Access {
  readonly #policy: AccessPolicy | undefined;
  readonly #followSymlinks: boolean;

  /** Without a policy everything is allowed: trees are still walked without following what is swapped. */
  constructor({ policy, followSymlinks = true }: { policy?: AccessPolicy | undefined; followSymlinks?: boolean } = {}) {
    this.#policy = policy;
    this.#followSymlinks = followSymlinks;
  }

  async existing(path: NativePath, wanted: Wanted): Promise<Place> {
    return this.#open(path, wanted);
  }

  async creatable(path: NativePath): Promise<Place> {
    return this.#final(path, async (at) => this.#open(at, 'write'));
  }

  async replaceable(path: NativePath): Promise<Place> {
    return this.#final(path, async (at) => {
      const found = await this.#open(at, 'replace');
      found.release();
      return this.name(found.real, 'replace');
    });
  }

  async name(path: NativePath, wanted: Wanted): Promise<Place> {
    if (path === '/') return this.#open(path, wanted);
    // The text of a link may end so; it then leads to a directory that does not exist.
    if (['', '.', '..'].includes(baseName(path))) throw noSuchEntry(path);
    const directory = await this.#openDirectoryOf(path, wanted);
    return this.#judged(new AnchoredName(directory, baseName(path), { path, ownsDirectory: true }), wanted);
  }

  async child(directory: Place, name: string, wanted: Wanted): Promise<Place> {
    const path = childPath(directory.path, name);
    return this.#judged(new AnchoredName(directory as Anchor, name, { path, ownsDirectory: false }), wanted);
  }

  async sibling(place: Place, name: string): Promise<Place> {
    const { directory } = place as AnchoredName;
    const path = childPath(parentPath(place.path), name);
    return this.#judged(new AnchoredName(directory, name, { path, ownsDirectory: false }), 'write');
  }

  async hold(place: Place, wanted: Wanted): Promise<Place> {
    if (place instanceof Anchor) return place; // `/`, which has no name
    const fd = await openFd(place.os, O_PATH | O_NOFOLLOW);
    return this.#anchor(fd, place.path, wanted);
  }

  async requireTree(place: Place, wanted: Wanted): Promise<void> {
    const { real } = place as AnchoredName | Anchor;
    if (!this.#policy?.mayRestrictBelow(real, wanted === 'read' ? 'read' : 'write')) return;
    const directory = place instanceof Anchor ? place : await this.hold(place, wanted);
    try {
      for (const { name, type } of await listDirectory(directory)) {
        const child = await this.child(directory, name, wanted);
        if (type === 'directory') await this.requireTree(child, wanted);
      }
    } finally {
      if (directory !== place) directory.release();
    }
  }

  /** Follows links that lead nowhere to the name that would be created. */
  async #final(path: NativePath, found: (path: NativePath) => Promise<Place>): Promise<Place> {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      try {
        return await found(at);
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
      const name = await this.name(at, 'write');
      const target = await linkTarget(name);
      if (target === undefined) return name;
      name.release();
      if (!this.#followSymlinks) throw symlinkRefused(path);
      at = target;
    }
    throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP' });
  }

  async #open(path: NativePath, wanted: Wanted): Promise<Anchor> {
    try {
      return this.#anchor(await openFd(osPath(path), O_PATH), path, wanted);
    } catch (error) {
      return this.#denyMissing(path, wanted, error);
    }
  }

  /** Not judged: the name in it will be. */
  async #openDirectoryOf(path: NativePath, wanted: Wanted): Promise<Anchor> {
    const directory = parentPath(path);
    try {
      const fd = await openFd(osPath(directory), O_PATH | O_DIRECTORY);
      return new Anchor(fd, directory, this.#whereabouts(fd, directory, wanted));
    } catch (error) {
      return this.#denyMissing(path, wanted, error);
    }
  }

  #anchor(fd: number, path: NativePath, wanted: Wanted): Anchor {
    return this.#judged(new Anchor(fd, path, this.#whereabouts(fd, path, wanted)), wanted);
  }

  /** Where the kernel says that it is. Closes the descriptor when it refuses. */
  #whereabouts(fd: number, path: NativePath, wanted: Wanted): { real: NativePath; mount: Mount | undefined } {
    try {
      const real = pathFromBytes(readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' }));
      if (!this.#followSymlinks && real !== path) throw symlinkRefused(path);
      if (!this.#policy) return { real, mount: undefined };
      const mount = mountOf(fd);
      // Another mount namespace can show anything at any path; pipes and the like have none.
      if (!mount || !real.startsWith('/'))
        throw sandboxDenied(path, wanted, ': it lies outside the mounts of this machine');
      return { real, mount };
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  #judged<P extends Anchor | AnchoredName>(place: P, wanted: Wanted): P {
    if (allows(this.#policy, place.real, wanted) && this.#allowsMount(place, wanted)) return place;
    place.release();
    throw sandboxDenied(place.path, wanted);
  }

  /**
   * A mount below what was granted may show what was not: then every path at which this machine shows it must allow it.
   * A grant of the mount point itself, or of something on that mount, means that mount.
   */
  #allowsMount({ mount, real }: Anchor | AnchoredName, wanted: Wanted): boolean {
    if (!mount || mount.mountPoint === '/' || !allows(this.#policy, parentPath(mount.mountPoint), wanted)) return true;
    return aliasesOf(mount, real).every((alias) => allows(this.#policy, alias, wanted));
  }

  /** What is not there is told only to those who may look there; `error` is thrown then. */
  async #denyMissing(path: NativePath, wanted: Wanted, error: unknown, asked = path, links = 0): Promise<never> {
    if (!this.#policy || path === '/' || links >= MAX_LINKS || error instanceof WireError) throw error;
    const missing = [baseName(path)];
    for (let at = parentPath(path); ; at = parentPath(at)) {
      const fd = await openFd(osPath(at), O_PATH | O_DIRECTORY).catch(() => undefined);
      if (fd === undefined) {
        if (at === '/') throw error;
        missing.unshift(baseName(at));
        continue;
      }
      const directory = new Anchor(fd, at, this.#whereabouts(fd, at, wanted));
      try {
        // `..` after what is not there leads nowhere; judged by the text it could lead anywhere.
        if (missing.includes('..') || !allows(this.#policy, childPath(directory.real, missing.join('/')), wanted)) {
          throw sandboxDenied(asked, wanted);
        }
        const [first = '', ...rest] = missing;
        const target = await linkTarget(new AnchoredName(directory, first, { path: at, ownsDirectory: false }));
        if (target === undefined) throw error;
        return await this.#denyMissing([target, ...rest].join('/'), wanted, error, asked, links + 1);
      } finally {
        directory.release();
      }
    }
  }
}

/** Where a link leads, made absolute; undefined if there is no link. */
async function linkTarget(name: Place): Promise<NativePath | undefined> {
  const place = name as AnchoredName;
  try {
    const target = pathFromBytes(await readlink(place.os, { encoding: 'buffer' }));
    return target.startsWith('/') ? target : childPath(place.directory.real, target);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }
}

function noSuchEntry(path: NativePath): Error {
  return Object.assign(new Error(`no such entry: ${path}`), { code: 'ENOENT' });
}

function baseName(path: NativePath): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
