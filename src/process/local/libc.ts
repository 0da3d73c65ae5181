import { createRequire } from 'node:module';

/**
 * The calls of glibc that Node does not offer, through koffi. What they are for:
 * posix_spawn costs the same whatever the memory of the server (fork does not: 35 ms at 1 GB), closes every descriptor
 * that is not the child's, gives terminals to their sessions, and says why an exec failed.
 */
export interface Libc {
  pipe2(fds: Int32Array, flags: number): number;
  fcntl(fd: number, command: number, type: 'int', argument: number): number;
  waitpid(pid: number, status: Int32Array, options: number): number;
  posix_openpt(flags: number): number;
  grantpt(fd: number): number;
  unlockpt(fd: number): number;
  ptsname_r(fd: number, name: Buffer, length: number): number;
  ioctl(fd: number, request: number, type: 'void *', argument: Buffer): number;
  tcgetattr(fd: number, termios: Buffer): number;
  tcsetattr(fd: number, actions: number, termios: Buffer): number;
  posix_spawn(
    pid: Int32Array,
    path: Buffer,
    actions: Buffer,
    attributes: Buffer,
    argv: (string | null)[],
    envp: (string | null)[],
  ): number;
  posix_spawnattr_init(attributes: Buffer): number;
  posix_spawnattr_destroy(attributes: Buffer): number;
  posix_spawnattr_setflags(attributes: Buffer, flags: number): number;
  posix_spawnattr_setsigmask(attributes: Buffer, set: Buffer): number;
  posix_spawnattr_setsigdefault(attributes: Buffer, set: Buffer): number;
  posix_spawn_file_actions_init(actions: Buffer): number;
  posix_spawn_file_actions_destroy(actions: Buffer): number;
  posix_spawn_file_actions_adddup2(actions: Buffer, fd: number, newFd: number): number;
  posix_spawn_file_actions_addopen(actions: Buffer, fd: number, path: Buffer, flags: number, mode: number): number;
  posix_spawn_file_actions_addchdir_np(actions: Buffer, path: Buffer): number;
  posix_spawn_file_actions_addclosefrom_np(actions: Buffer, lowest: number): number;
}

const DECLARATIONS: Record<keyof Libc, string> = {
  pipe2: 'int pipe2(int *fds, int flags)',
  fcntl: 'int fcntl(int fd, int command, ...)',
  waitpid: 'int waitpid(int pid, int *status, int options)',
  posix_openpt: 'int posix_openpt(int flags)',
  grantpt: 'int grantpt(int fd)',
  unlockpt: 'int unlockpt(int fd)',
  ptsname_r: 'int ptsname_r(int fd, void *name, size_t length)',
  ioctl: 'int ioctl(int fd, unsigned long request, ...)',
  tcgetattr: 'int tcgetattr(int fd, void *termios)',
  tcsetattr: 'int tcsetattr(int fd, int actions, void *termios)',
  posix_spawn:
    'int posix_spawn(int *pid, void *path, void *actions, void *attributes, const char **argv, const char **envp)',
  posix_spawnattr_init: 'int posix_spawnattr_init(void *attributes)',
  posix_spawnattr_destroy: 'int posix_spawnattr_destroy(void *attributes)',
  posix_spawnattr_setflags: 'int posix_spawnattr_setflags(void *attributes, short flags)',
  posix_spawnattr_setsigmask: 'int posix_spawnattr_setsigmask(void *attributes, void *set)',
  posix_spawnattr_setsigdefault: 'int posix_spawnattr_setsigdefault(void *attributes, void *set)',
  posix_spawn_file_actions_init: 'int posix_spawn_file_actions_init(void *actions)',
  posix_spawn_file_actions_destroy: 'int posix_spawn_file_actions_destroy(void *actions)',
  posix_spawn_file_actions_adddup2: 'int posix_spawn_file_actions_adddup2(void *actions, int fd, int newFd)',
  posix_spawn_file_actions_addopen:
    'int posix_spawn_file_actions_addopen(void *actions, int fd, void *path, int flags, unsigned int mode)',
  posix_spawn_file_actions_addchdir_np: 'int posix_spawn_file_actions_addchdir_np(void *actions, void *path)',
  posix_spawn_file_actions_addclosefrom_np: 'int posix_spawn_file_actions_addclosefrom_np(void *actions, int lowest)',
};

interface Koffi {
  load(path: null): { func(declaration: string): unknown };
}

/** Undefined where these calls are not to be had: other systems, other C libraries, no koffi for this platform. */
export function loadLibc(): Libc | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const library = koffi.load(null); // this very process: node links glibc
    const entries = Object.entries(DECLARATIONS).map(([name, declaration]) => [name, library.func(declaration)]);
    return Object.fromEntries(entries) as Libc;
  } catch {
    return undefined; // the portable launcher takes over; `launcher` in the options of the backend can insist
  }
}

/** From the headers of Linux, the same on x86-64 and arm64. */
export const FD_CLOEXEC = 1;
export const F_SETFD = 2;
export const F_DUPFD_CLOEXEC = 1030;
export const O_CLOEXEC = 0o2000000;
export const WNOHANG = 1;
export const POSIX_SPAWN_SETSIGDEF = 0x04;
export const POSIX_SPAWN_SETSIGMASK = 0x08;
export const POSIX_SPAWN_SETSID = 0x80;
export const TIOCSWINSZ = 0x5414;
export const TCSANOW = 0;
export const IUTF8 = 0x4000;

/** Larger than the C structures of any glibc: posix_spawnattr_t has 336 bytes, the others less. */
export const STRUCT_BYTES = 512;
