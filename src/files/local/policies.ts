import { readlink } from 'node:fs/promises';
import { resolvePolicy } from '../../permissions/index.js';
import type { AccessPolicy } from '../../permissions/types.js';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';
import type { SandboxContext } from '../../protocol/sandbox.js';
import { POLICIES_KEPT, POLICY_TRUSTED_MS } from './limits.js';
import { errnoOf } from './os-error.js';
import { osPath } from './os-path.js';

/**
 * Profiles resolved against this machine. An agent sends the same one with every call, and resolving it asks the file system
 * about each entry, so an answer is kept for a moment: a link that an entry leads through may change, if seldom.
 */
export class Policies {
  readonly #kept = new Map<string, { policy: Promise<AccessPolicy>; until: number }>();

  of(context: SandboxContext): Promise<AccessPolicy> {
    const key = JSON.stringify(context);
    const kept = this.#kept.get(key);
    if (kept && performance.now() < kept.until) return kept.policy;
    const policy = resolvePolicy(context, { readLink, tmpdir: process.env.TMPDIR });
    policy.catch(() => this.#kept.delete(key));
    this.#kept.delete(key);
    this.#kept.set(key, { policy, until: performance.now() + POLICY_TRUSTED_MS });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > POLICIES_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return policy;
  }
}

async function readLink(path: NativePath): Promise<NativePath | undefined> {
  try {
    return pathFromBytes(await readlink(osPath(path), { encoding: 'buffer' }));
  } catch (error) {
    if (NO_LINK.has(errnoOf(error))) return undefined;
    throw error;
  }
}

/** Nothing there, or something else than a link. */
const NO_LINK = new Set<string | undefined>(['ENOENT', 'ENOTDIR', 'EINVAL']);
