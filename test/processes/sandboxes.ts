import { spawnSync } from 'node:child_process';
import type { EntryAccess, NetworkAccess, PermissionEntry, SandboxContext } from '../../src/protocol/sandbox.js';

const probe = spawnSync(
  'bwrap',
  '--unshare-user --unshare-pid --unshare-net --ro-bind / / --proc /proc true'.split(' '),
);

/** Why sandboxes cannot be tried out on this machine; undefined where they can. */
export const noSandbox =
  probe.status === 0 ? undefined : `bubblewrap cannot run here: ${probe.error?.message ?? probe.stderr.toString()}`;

type Entries = Record<string, EntryAccess>;

/** A profile whose entries are paths; `:minimal` and the like are specials. Without network unless `network` says otherwise. */
export function sandbox(entries: Entries, network: NetworkAccess = 'restricted', cwd = '/'): SandboxContext {
  const entry = ([path, access]: [string, EntryAccess]): PermissionEntry => {
    if (path.startsWith(':')) return { path: { type: 'special', value: { kind: path.slice(1) } }, access };
    if (path.includes('*')) return { path: { type: 'glob_pattern', pattern: path }, access };
    return { path: { type: 'path', path }, access };
  };
  const fileSystem = { type: 'restricted' as const, entries: Object.entries(entries).map(entry) };
  return { permissions: { type: 'managed', fileSystem, network }, cwd };
}
