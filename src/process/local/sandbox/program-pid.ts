import { readFileSync } from 'node:fs';
import { childrenOf } from '../process-tree.js';

/**
 * The pid, as this process sees it, of the program that bubblewrap and init.c have started: the second process of its
 * namespace. Undefined when it has ended already, and on kernels without lists of children.
 */
export function programPid(bubblewrap: number): number | undefined {
  return childrenOf(bubblewrap)
    .flatMap(childrenOf)
    .find((pid) => pidInside(pid) === '2');
}

function pidInside(pid: number): string | undefined {
  try {
    return /^NSpid:.*\t(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  } catch {
    return undefined; // it has ended
  }
}
