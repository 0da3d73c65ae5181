import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { type NativePath, pathFromBytes } from '../../protocol/paths.js';

export interface Mount {
  /** Unique in the whole system, other mount namespaces included. */
  id: number;
  /** `major:minor` of the file system. */
  device: string;
  /** What of the file system is mounted: a path within it. More than `/` for a bind mount. */
  root: NativePath;
  mountPoint: NativePath;
  /** Such as `ext4`. */
  type: string;
}

/** Those that answer from this machine's memory what is asked of an open file, and keep nobody waiting. */
const LOCAL_TYPES = new Set(['btrfs', 'ext2', 'ext3', 'ext4', 'f2fs', 'overlay', 'tmpfs', 'xfs', 'zfs']);

/** How long a table is trusted. Only root can change the mounts of our namespace. */
const TRUSTED_MS = 1_000;

let table = new Map<number, Mount>();
let readAt = Number.NEGATIVE_INFINITY;

/** The mounts of our namespace by id. */
function mounts(): Map<number, Mount> {
  if (performance.now() - readAt < TRUSTED_MS) return table;
  table = new Map(parseMountInfo(readFileSync('/proc/self/mountinfo')).map((mount) => [mount.id, mount]));
  readAt = performance.now();
  return table;
}

/** Is what `fstat` tells of an open file there at once? `false` also where that is not known. */
export function isLocal(mount: Mount | undefined): boolean {
  return mount !== undefined && LOCAL_TYPES.has(mount.type);
}

/** The same for a device as `stat` tells it. */
export function isLocalDevice(dev: bigint): boolean {
  if (process.platform !== 'linux') return false;
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const device = `${major}:${minor}`;
  for (const mount of mounts().values()) if (mount.device === device) return isLocal(mount);
  return false;
}

/** Which mount an open file is on; undefined if it is one of another mount namespace, or of none. */
export function mountOf(fd: number): Mount | undefined {
  const id = mountIdOf(fd);
  const known = mounts().get(id);
  if (known) return known;
  readAt = Number.NEGATIVE_INFINITY; // mounted a moment ago, perhaps
  return mounts().get(id);
}

const infoBuffer = Buffer.alloc(512);

function mountIdOf(fd: number): number {
  const info = openSync(`/proc/self/fdinfo/${fd}`, 'r');
  try {
    const bytes = readSync(info, infoBuffer, 0, infoBuffer.length, 0);
    return Number(/^mnt_id:\s*(\d+)/m.exec(infoBuffer.toString('latin1', 0, bytes))?.[1]);
  } finally {
    closeSync(info);
  }
}

/** Lines as proc(5) describes them; spaces and the like in paths are octal escapes. */
function parseMountInfo(text: Buffer): Mount[] {
  return text
    .toString('latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id, , device = '', root = '', mountPoint = ''] = line.split(' ');
      const type = / - (\S+)/.exec(line)?.[1] ?? '';
      return { id: Number(id), device, root: unescapeOctal(root), mountPoint: unescapeOctal(mountPoint), type };
    });
}

function unescapeOctal(text: string): NativePath {
  const bytes = text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  return pathFromBytes(Buffer.from(bytes, 'latin1'));
}

/** The other paths at which our namespace shows what is at `path` on `mount`, because part of its file system is mounted twice. */
export function aliasesOf(mount: Mount, path: NativePath): NativePath[] {
  const inFileSystem = rebase(path, mount.mountPoint, mount.root);
  const all = [...mounts().values()];
  return all
    .filter((other) => other.id !== mount.id && other.device === mount.device && isBelow(inFileSystem, other.root))
    .map((other) => ({ other, alias: rebase(inFileSystem, other.root, other.mountPoint) }))
    .filter(({ other, alias }) => visibleMount(all, alias) === other)
    .map(({ alias }) => alias);
}

/** The mount that a path is on: of the longest mount points above it the last one, which hides the others. */
function visibleMount(all: Mount[], path: NativePath): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of all) {
    if (!isBelow(path, mount.mountPoint)) continue;
    if (!found || mount.mountPoint.length >= found.mountPoint.length) found = mount;
  }
  return found;
}

function isBelow(path: NativePath, directory: NativePath): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

function rebase(path: NativePath, from: NativePath, to: NativePath): NativePath {
  const rest = from === '/' ? path : path.slice(from.length);
  return `${to === '/' ? '' : to}${rest === '/' ? '' : rest}` || '/';
}
