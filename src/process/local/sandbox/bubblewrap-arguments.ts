import { type NativePath, pathBytes } from '../../../protocol/paths.js';
import type { NetworkAccess } from '../../../protocol/sandbox.js';
import { sandboxUnavailable } from './errors.js';
import { MAX_MOUNT_ARGUMENTS } from './limits.js';
import type { Mount, MountPlan } from './mount-plan.js';

/** Where init.c appears inside the sandbox. */
export const INIT_PATH = '/dev/exec-server-init';

/** User, process and IPC namespaces of its own; nobody outlives the server; no capabilities, also where the server is root. */
const BASE = '--unshare-user --unshare-pid --unshare-ipc --die-with-parent --as-pid-1 --cap-drop ALL --chdir /'.split(
  ' ',
);

/** After the root: devices that harm nobody, shared memory and processes of its own. */
const OWN_WORLD = '--dev /dev --perms 1777 --tmpfs /dev/shm --proc /proc'.split(' ');

export interface SandboxView {
  plan: MountPlan;
  network: NetworkAccess;
  /** The descriptor that init.c is read from. */
  initFd: number;
  /** An empty file that nobody may read, outside all that a sandboxed program can write. */
  unreadableFile: NativePath;
}

/**
 * What bubblewrap takes with `--args`: NUL-terminated arguments. Not on its command line, which every user of the machine can
 * read. Throws a WireError of kind sandbox_unavailable when it could not take as many.
 */
export function bubblewrapArguments({ plan, network, initFd, unreadableFile }: SandboxView): Buffer {
  const root = plan.root === 'nothing' ? [] : [plan.root === 'write' ? '--bind' : '--ro-bind', '/', '/'];
  const mounts = plan.mounts.flatMap((mount) => mountArguments(mount, unreadableFile));
  const init = ['--perms', '0555', '--ro-bind-data', String(initFd), INIT_PATH];
  const own = [...(plan.root === 'nothing' ? ['/'] : []), '/dev'];
  const hidden = plan.mounts.flatMap(({ type, path }) => (type === 'hide-directory' ? [path] : []));
  // Last, because mount points are still made in them: what is written to them must fail, not vanish with the sandbox.
  const closed = [...own, ...hidden].flatMap((path) => ['--remount-ro', path]);
  if (mounts.length + closed.length > MAX_MOUNT_ARGUMENTS) throw tooMany(plan.mounts.length);
  const args: string[] = [
    ...BASE,
    ...(network === 'restricted' ? ['--unshare-net'] : []),
    ...root,
    ...OWN_WORLD,
    ...init,
    ...mounts,
    ...closed,
  ];
  // It would end the argument, and what follows would be one of its own.
  if (args.some((arg) => arg.includes('\0'))) throw sandboxUnavailable('a path of the policy contains a NUL');
  return Buffer.concat(args.flatMap((arg) => [pathBytes(arg), NUL]));
}

const NUL = Buffer.alloc(1);

function mountArguments(mount: Mount, unreadableFile: NativePath): string[] {
  const { path } = mount;
  switch (mount.type) {
    case 'show':
      return [bindOption(path, mount.access), path, path];
    case 'hide-directory':
      // Who owns a directory may only search it with the x bit: what is mounted below can be reached, and nothing be listed.
      return ['--perms', mount.passable ? '0111' : '0000', '--tmpfs', path];
    case 'hide-file':
      return ['--ro-bind', unreadableFile, path];
    case 'link':
      return ['--symlink', mount.target, path];
    default:
      return mount satisfies never;
  }
}

/** Device files can only be opened where a mount lets them be. */
function bindOption(path: NativePath, access: 'read' | 'write'): string {
  if (access === 'read') return '--ro-bind';
  return path.startsWith('/dev/') ? '--dev-bind' : '--bind';
}

function tooMany(mounts: number) {
  return sandboxUnavailable(
    `the policy needs ${mounts} mounts, more than bubblewrap takes: deny directories instead of what is in them`,
  );
}
