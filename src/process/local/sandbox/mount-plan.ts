import { posix } from 'node:path';
import type { AccessPolicy, AccessRule } from '../../../permissions/types.js';
import type { NativePath } from '../../../protocol/paths.js';
import { sandboxUnavailable } from './errors.js';

/** What stands at a path; `link` also where a directory on the way is one. */
export type Standing = 'directory' | 'file' | 'link' | 'missing';

/** How the plan looks at the machine. */
export interface Machine {
  standing(path: NativePath): Standing;
  /** Whether this empty directory is a placeholder of ours: it is to be held again, and counts as missing. */
  isPlaceholder(path: NativePath): boolean;
  /** The links in `/` and where each leads, such as `/bin` and `usr/bin`. */
  rootLinks(): { path: NativePath; target: string; real: NativePath }[];
}

/** One step of building the sandbox's view of the file system. The order matters: later ones lie on top. */
export type Mount =
  | { type: 'show'; path: NativePath; access: 'read' | 'write' }
  /** Nothing in it can be seen; `passable`: but what is mounted below can be reached. */
  | { type: 'hide-directory'; path: NativePath; passable: boolean }
  | { type: 'hide-file'; path: NativePath }
  | { type: 'link'; path: NativePath; target: string };

export interface MountPlan {
  /** Whether the view begins with the machine's root, or with nothing. */
  root: 'read' | 'write' | 'nothing';
  /** After `/dev` and `/proc` are in place. */
  mounts: Mount[];
  /** Where empty directories must stand for as long as the sandbox does. */
  placeholders: NativePath[];
}

/**
 * The view that enforces a policy. `more`: what holds besides its rules, such as at what its deny patterns match. Throws a
 * WireError of kind sandbox_unavailable where mounts cannot express the policy.
 */
export function planMounts(policy: AccessPolicy, more: readonly AccessRule[], machine: Machine): MountPlan {
  const root = policy.accessAt('/');
  const plan: MountPlan = { root: root === 'none' ? 'nothing' : root, mounts: [], placeholders: [] };
  // A deny pattern may leave less of a rule.
  const rules = policy.rules.map(({ path }) => ({ path, access: policy.accessAt(path) }));
  const places = [...rules, ...more].filter(({ path }) => isMountable(path));
  const planned = { policy, places, at: new Map<NativePath, Mount>(), plan, machine };
  for (const place of places) {
    const around = policy.accessAt(posix.dirname(place.path));
    if (place.access === around) continue;
    if (place.access === 'none' || around === 'write') restrict(place, planned);
    else grant(place, planned);
  }
  const links = root === 'none' ? visibleLinks(planned) : [];
  plan.mounts = [...links, ...[...planned.at.values()].sort((a, b) => depth(a.path) - depth(b.path))];
  return plan;
}

interface Planned {
  policy: AccessPolicy;
  places: readonly AccessRule[];
  at: Map<NativePath, Mount>;
  plan: MountPlan;
  machine: Machine;
}

/** `/`, `/dev` and `/proc` are the sandbox's own, and never show more than it may see. */
function isMountable(path: NativePath): boolean {
  return path !== '/' && path !== '/dev' && path !== '/proc' && !path.startsWith('/proc/');
}

/** Where there is nothing yet, or a link in place of what was granted, it stays at what holds around it, which is less. */
function grant({ path, access }: AccessRule, { at, machine }: Planned): void {
  const standing = machine.standing(path);
  if (standing === 'directory' || standing === 'file') {
    at.set(path, { type: 'show', path, access: access === 'write' ? 'write' : 'read' });
  }
}

function restrict({ path, access }: AccessRule, planned: Planned): void {
  const { policy, at, machine, places } = planned;
  const standing = machine.isPlaceholder(path) ? 'missing' : machine.standing(path);
  if (standing === 'link') {
    if (policy.accessAt(posix.dirname(path)) === 'write') throw isLink(path);
    return; // it cannot be replaced, and where it leads has a rule of its own
  }
  pinAncestors(path, planned);
  if (standing === 'missing') forbid(path, planned);
  else if (access === 'read') at.set(path, { type: 'show', path, access });
  else if (standing === 'directory') {
    const passable = places.some((other) => other.access !== 'none' && isBelow(other.path, path));
    at.set(path, { type: 'hide-directory', path, passable });
  } else at.set(path, { type: 'hide-file', path });
}

/** Nothing is there, and nothing may come to be: the first name on the way that is missing is taken by an empty directory. */
function forbid(path: NativePath, { policy, at, plan, machine }: Planned): void {
  let first = path;
  for (let parent = posix.dirname(path); parent !== first; parent = posix.dirname(parent)) {
    if (machine.standing(parent) !== 'missing' && !machine.isPlaceholder(parent)) break;
    first = parent;
  }
  const parent = posix.dirname(first);
  if (machine.standing(parent) !== 'directory' || policy.accessAt(parent) !== 'write') return;
  if (!plan.placeholders.includes(first)) plan.placeholders.push(first);
  at.set(first, { type: 'show', path: first, access: 'read' });
}

/**
 * A mount moves along when a directory above it is renamed, and the name is free again. So the directories between it and
 * the writable root become mounts themselves, which cannot be renamed.
 */
function pinAncestors(path: NativePath, { policy, at, machine }: Planned): void {
  for (let parent = posix.dirname(path); parent !== '/'; parent = posix.dirname(parent)) {
    if (policy.accessAt(posix.dirname(parent)) !== 'write' || policy.accessAt(parent) !== 'write') continue;
    if (at.has(parent) || !isMountable(parent) || machine.standing(parent) !== 'directory') continue;
    at.set(parent, { type: 'show', path: parent, access: 'write' });
  }
}

function visibleLinks({ places, policy, machine }: Planned): Mount[] {
  const visible = (real: NativePath) =>
    policy.accessAt(real) !== 'none' || places.some(({ path, access }) => access !== 'none' && isBelow(path, real));
  const links = machine.rootLinks().filter(({ path, real }) => isMountable(path) && visible(real));
  return links.map(({ path, target }) => ({ type: 'link', path, target }));
}

function isBelow(path: NativePath, directory: NativePath): boolean {
  return path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function depth(path: NativePath): number {
  return path.split('/').length;
}

function isLink(path: NativePath) {
  return sandboxUnavailable(
    `the policy limits \`${path}\`, which is or leads through a symbolic link that the program could replace: put what it leads to in its place`,
  );
}
