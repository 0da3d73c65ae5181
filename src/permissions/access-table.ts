import type { NativePath } from '../protocol/paths.js';
import type { EntryAccess } from '../protocol/sandbox.js';
import { depthOf, parentOf } from './path-order.js';
import type { AccessRule } from './types.js';

const RANK: Record<EntryAccess, number> = { none: 0, read: 1, write: 2 };

export function allowsLess(a: EntryAccess, b: EntryAccess): boolean {
  return RANK[a] < RANK[b];
}

export function lesser(a: EntryAccess, b: EntryAccess): EntryAccess {
  return allowsLess(b, a) ? b : a;
}

/** What two rules for one path come to: none beats write beats read. */
export function combined(a: EntryAccess, b: EntryAccess): EntryAccess {
  if (a === 'none' || b === 'none') return 'none';
  return a === 'write' || b === 'write' ? 'write' : 'read';
}

/** Rules by their path. A question costs as many look-ups as the path has names. */
export class AccessTable {
  readonly #rules = new Map<NativePath, EntryAccess>();
  /** Of each directory above a rule: the least that a rule below it allows. */
  readonly #leastBelow = new Map<NativePath, EntryAccess>();

  /** A path that has a rule already gets the combination of both. */
  add(path: NativePath, access: EntryAccess): void {
    const rule = combined(this.#rules.get(path) ?? access, access);
    this.#rules.set(path, rule);
  }

  /** The rule of that very path. */
  at(path: NativePath): EntryAccess | undefined {
    return this.#rules.get(path);
  }

  /** By the rule of the path or of the nearest directory above it that has one. */
  accessAt(path: NativePath): EntryAccess {
    for (let place = path; ; place = parentOf(place)) {
      const rule = this.#rules.get(place);
      if (rule !== undefined) return rule;
      if (place === '/') return 'none';
    }
  }

  /** The least that a rule below that path, not at it, allows. Only after `index`. */
  leastBelow(path: NativePath): EntryAccess {
    return this.#leastBelow.get(path) ?? 'write';
  }

  /** Call it when the last rule is in. */
  index(): void {
    for (const [path, access] of this.#rules) {
      for (let place = path; place !== '/'; ) {
        place = parentOf(place);
        this.#leastBelow.set(place, lesser(this.leastBelow(place), access));
      }
    }
  }

  /** The general before the specific. */
  rules(): AccessRule[] {
    return [...this.#rules]
      .map(([path, access]) => ({ path, access, depth: depthOf(path) }))
      .sort((a, b) => a.depth - b.depth || (a.path < b.path ? -1 : 1))
      .map(({ path, access }) => ({ path, access }));
  }
}
