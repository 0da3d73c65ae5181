import type { NativePath } from '../protocol/paths.js';
import {
  type EntryAccess,
  entriesOf,
  type NetworkAccess,
  type PermissionEntry,
  type PermissionProfile,
  type SandboxContext,
} from '../protocol/sandbox.js';
import { AccessTable } from './access-table.js';
import { type NamingContext, pathsNamed } from './entry-paths.js';
import { limitingGlobs } from './limiting-globs.js';
import { type Followed, followLinks, type ReadLink, remembering } from './links.js';
import { childOf } from './path-order.js';
import { restrictedPolicy, unrestrictedPolicy } from './policy.js';
import type { AccessPolicy, PolicyHost } from './types.js';

/** Names that stay read-only directly under a writable root: what is in them decides what runs outside the sandbox. */
export const PROTECTED_NAMES = ['.git', '.codex', '.agents'] as const;

/** A path that an entry names, and where it leads. */
interface NamedPlace {
  text: NativePath;
  access: EntryAccess;
  /** Where it leads when every link is followed. */
  real: NativePath;
  /** Where it leads when no link is followed that the policy lets be changed. */
  kept: Followed;
}

/**
 * Resolves a profile against this machine. A bad entry that could only grant grants nothing and is a warning; throws a
 * WireError for what cannot be meant, and what `host` throws.
 */
export async function resolvePolicy(context: SandboxContext, host: PolicyHost): Promise<AccessPolicy> {
  const entries = entriesOf(context.permissions);
  const network = networkOf(context.permissions);
  if (entries === undefined) return unrestrictedPolicy(network);
  const warnings = new Set<string>();
  const naming: NamingContext = { context, host, warn: (message) => warnings.add(message) };
  const readLink = remembering(host.readLink);
  const places = await findPlaces(entries, naming, readLink);
  const changeable = places.filter(({ access }) => access === 'write').map(({ kept }) => kept.path);
  const globs = await limitingGlobs(entries, { ...naming, readLink, changeable });
  const table = tableOf(places, naming.warn);
  if (globs.length === 0 && onlyGrantsAll(table)) return unrestrictedPolicy(network, [...warnings]);
  await protectNames(table, places, readLink);
  table.index();
  return restrictedPolicy({ network, warnings: [...warnings], table, globs });
}

function networkOf(profile: PermissionProfile): NetworkAccess {
  return profile.type === 'disabled' ? 'enabled' : profile.network;
}

async function findPlaces(
  entries: readonly PermissionEntry[],
  naming: NamingContext,
  readLink: ReadLink,
): Promise<NamedPlace[]> {
  const named = entries.flatMap(({ path, access }) =>
    path.type === 'glob_pattern' ? [] : pathsNamed(path, naming).map((text) => ({ text, access })),
  );
  const places = await Promise.all(
    named.map(async ({ text, access }) => {
      const kept = await followLinks(text, readLink);
      return { text, access, real: kept.path, kept };
    }),
  );
  // What may be written depends on where the entries lead, and where they lead on what may be written. Each round can only
  // find more places that may be written, until there are no more.
  const changeable = new Set<NativePath>();
  for (;;) {
    const before = changeable.size;
    for (const { access, kept } of places) if (access === 'write') changeable.add(kept.path);
    if (changeable.size === before) return places;
    for (const place of places) place.kept = await followLinks(place.text, readLink, [...changeable]);
  }
}

function tableOf(places: readonly NamedPlace[], warn: (message: string) => void): AccessTable {
  const table = new AccessTable();
  for (const { text, access, real, kept } of places) {
    table.add(kept.path, access);
    if (access === 'none') for (const path of [text, real]) table.add(path, access);
    else if (kept.stoppedAt !== undefined) warn(unfollowed(text, kept.stoppedAt, real));
  }
  // An entry whose link is not followed still takes away where the link leads, but grants nothing there.
  for (const { access, real, kept } of places) {
    if (access === 'read' && kept.stoppedAt !== undefined) limitToRead(table, real);
  }
  return table;
}

function unfollowed(text: NativePath, link: NativePath, real: NativePath): string {
  return `entry ${text}: the link ${link} to ${real} is not followed, for the policy lets it be changed`;
}

function limitToRead(table: AccessTable, path: NativePath): void {
  if (table.at(path) === undefined && table.accessAt(path) === 'write') table.add(path, 'read');
}

function onlyGrantsAll(table: AccessTable): boolean {
  return table.at('/') === 'write' && table.rules().every(({ access }) => access === 'write');
}

async function protectNames(table: AccessTable, places: readonly NamedPlace[], readLink: ReadLink): Promise<void> {
  const roots = new Set(
    places.filter(({ access }) => access === 'write').flatMap(({ real, kept }) => [real, kept.path]),
  );
  for (const root of roots) {
    for (const name of PROTECTED_NAMES) {
      const path = childOf(root, name);
      limitToRead(table, path);
      // A link in place of the directory: what it leads to is what counts.
      if (table.at(path) === 'read') limitToRead(table, (await followLinks(path, readLink)).path);
    }
  }
}
