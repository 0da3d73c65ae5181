import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What the open descriptors of a process refer to, as `socket:[123]` or a path. */
export function openDescriptors(pid: number | 'self' = 'self'): string[] {
  const directory = `/proc/${pid}/fd`;
  return readdirSync(directory).flatMap((fd) => {
    try {
      return [readlinkSync(`${directory}/${fd}`)];
    } catch (error) {
      if (isGone(error)) return []; // closed since, such as the descriptor that listed the directory
      throw error;
    }
  });
}

export function countDescriptors(pid: number | 'self' = 'self'): number {
  return openDescriptors(pid).length;
}

/** The direct children of a process, zombies included. */
export function childrenOf(pid: number = process.pid): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(Number(name)) === pid)
    .map(Number);
}

export function isAlive(pid: number): boolean {
  const state = statOf(pid)?.[0];
  return state !== undefined && state !== 'Z';
}

/** How many handles and requests of a type, such as `Timeout` or `TCPSocketWrap`, keep the event loop busy. */
export function countActive(type: string): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === type).length;
}

function parentOf(pid: number): number | undefined {
  const ppid = statOf(pid)?.[1];
  return ppid === undefined ? undefined : Number(ppid);
}

/** The fields of /proc/PID/stat after the name, which may itself hold spaces and brackets: state, ppid, … */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');
}
