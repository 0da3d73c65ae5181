import { type BigIntStats, constants } from 'node:fs';
import { lstat, readlink, realpath, stat } from 'node:fs/promises';
import type { AccessPolicy } from '../../permissions/types.js';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import { type Access, allows, type Place, type Wanted } from './access.js';
import { MAX_LINKS } from './limits.js';
import { listDirectory } from './list-directory.js';
import { errnoOf, sandboxDenied, symlinkRefused } from './os-error.js';
import { childPath, osPath, parentPath } from './os-path.js';

/**
 * Where there is no /proc: the path is resolved, the real one judged and opened without following a link at its end, and
 * after opening it is looked at again whether that path still names what was opened. Weaker than an anchored access:
 * between a look and a change that opens nothing (making, removing or renaming a name) a directory can be swapped.
 */
export class VerifyingAccess implements Access {
  readonly #policy: AccessPolicy | undefined;
  readonly #followSymlinks: boolean;

  constructor({ policy, followSymlinks = true }: { policy?: AccessPolicy | undefined; followSymlinks?: boolean } = {}) {
    this.#policy = policy;
    this.#followSymlinks = followSymlinks;
  }

  async existing(path: NativePath, wanted: Wanted): Promise<Place> {
    return this.#place(path, await this.#resolve(path, wanted), wanted, stat);
  }

  async creatable(path: NativePath): Promise<Place> {
    return this.#place(path, await this.#final(path), 'write', stat);
  }

  async replaceable(path: NativePath): Promise<Place> {
    return this.#place(path, await this.#final(path), 'write', lstat);
  }

  async name(path: NativePath, wanted: Wanted): Promise<Place> {
    return this.#place(path, await this.#resolveName(path, wanted), wanted, lstat);
  }

  async child(directory: Place, name: string, wanted: Wanted): Promise<Place> {
    return this.name(childPath(directory.path, name), wanted);
  }

  async sibling(place: Place, name: string): Promise<Place> {
    return this.name(childPath(parentPath(pathOf(place)), name), 'write');
  }

  async hold(place: Place, wanted: Wanted): Promise<Place> {
    if ((await place.stat()).isSymbolicLink()) throw symlinkRefused(place.path);
    return this.existing(place.path, wanted);
  }

  async requireTree(place: Place, wanted: Wanted): Promise<void> {
    const real = await this.#resolveName(place.path, wanted);
    if (!this.#policy?.mayRestrictBelow(real, wanted === 'read' ? 'read' : 'write')) return;
    for (const { name, type } of await listDirectory(place)) {
      const child = await this.child(place, name, wanted);
      if (type === 'directory') await this.requireTree(child, wanted);
    }
  }

  /** What the path leads to, or the name that creating it would make. */
  async #final(path: NativePath): Promise<NativePath> {
    let at = path;
    for (let links = 0; links < MAX_LINKS; links++) {
      try {
        return await this.#resolve(at, 'write');
      } catch (error) {
        if (errnoOf(error) !== 'ENOENT') throw error;
      }
      const name = await this.#resolveName(at, 'write');
      const target = await linkTarget(name);
      if (target === undefined) return name;
      if (!this.#followSymlinks) throw symlinkRefused(path);
      at = target;
    }
    throw Object.assign(new Error(`too many links: ${path}`), { code: 'ELOOP' });
  }

  async #resolve(path: NativePath, wanted: Wanted): Promise<NativePath> {
    try {
      const real = pathFromBytes(await realpath(osPath(path), { encoding: 'buffer' }));
      if (!this.#followSymlinks && real !== path) throw symlinkRefused(path);
      return real;
    } catch (error) {
      return this.#denyMissing(path, wanted, error);
    }
  }

  async #resolveName(path: NativePath, wanted: Wanted): Promise<NativePath> {
    if (path === '/') return path;
    return childPath(await this.#resolve(parentPath(path), wanted), path.slice(path.lastIndexOf('/') + 1));
  }

  #place(path: NativePath, real: NativePath, wanted: Wanted, look: typeof stat | typeof lstat): Place {
    if (!allows(this.#policy, real, wanted)) throw sandboxDenied(path, wanted);
    const os = osPath(real);
    return {
      os,
      path,
      held: false,
      openFlags: constants.O_NOFOLLOW,
      stat: () => look(os, { bigint: true }),
      confirm: (opened) => this.#confirm(path, real, opened, wanted),
      release: () => undefined,
    };
  }

  async #confirm(path: NativePath, real: NativePath, opened: BigIntStats, wanted: Wanted): Promise<void> {
    const now = pathFromBytes(await realpath(osPath(real), { encoding: 'buffer' }));
    const stats = await lstat(osPath(real), { bigint: true });
    if (now !== real || stats.dev !== opened.dev || stats.ino !== opened.ino) {
      throw sandboxDenied(path, wanted, ': it was swapped while it was opened');
    }
  }

  /** What is not there is told only to those who may look there; `error` is thrown then. */
  async #denyMissing(path: NativePath, wanted: Wanted, error: unknown, asked = path, links = 0): Promise<never> {
    if ((errnoOf(error) !== 'ENOENT' && errnoOf(error) !== 'ENOTDIR') || links >= MAX_LINKS) throw error;
    const missing: string[] = [];
    for (let at = path; at !== '/'; at = parentPath(at)) {
      missing.unshift(at.slice(at.lastIndexOf('/') + 1));
      const directory = await realpath(osPath(parentPath(at)), { encoding: 'buffer' }).then(
        pathFromBytes,
        () => undefined,
      );
      if (directory === undefined) continue;
      if (missing.includes('..') || !allows(this.#policy, childPath(directory, missing.join('/')), wanted)) {
        throw sandboxDenied(asked, wanted);
      }
      const [first = '', ...rest] = missing;
      const target = await linkTarget(childPath(directory, first));
      if (target === undefined) throw error;
      return this.#denyMissing([target, ...rest].join('/'), wanted, error, asked, links + 1);
    }
    throw error;
  }
}

/** Where a link leads, made absolute; undefined if there is no link. */
async function linkTarget(link: NativePath): Promise<NativePath | undefined> {
  const target = await readlink(osPath(link), { encoding: 'buffer' }).then(pathFromBytes, () => undefined);
  if (target === undefined || target.startsWith('/')) return target;
  return childPath(parentPath(link), target);
}

function pathOf({ os }: Place): NativePath {
  return typeof os === 'string' ? os : pathFromBytes(os);
}
