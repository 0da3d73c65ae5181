import { readFileSync } from 'node:fs';

const KIB = 1024;
export const MB = 1_000_000;

/** The memory of another process that is really in use, in bytes. */
export function residentBytes(pid: number): number {
  const match = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  if (!match) throw new Error(`/proc/${pid}/status tells no VmRSS`);
  return Number(match[1]) * KIB;
}

/** Watches the memory of another process; `stop` tells what it was at first and at most. */
export function watchMemory(pid: number): { stop(): { before: number; peak: number } } {
  const before = residentBytes(pid);
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, residentBytes(pid));
  }, 50);
  return {
    stop() {
      clearInterval(timer);
      return { before, peak: Math.max(peak, residentBytes(pid)) };
    },
  };
}

/** For the log of the test run: figures that are worth more than the bound they are held to. */
export function report(what: string, { before, peak }: { before: number; peak: number }): void {
  const mb = (bytes: number) => `${(bytes / MB).toFixed(1)} MB`;
  console.info(`${what}: ${mb(before)} before, ${mb(peak)} at most, ${mb(peak - before)} more`);
}
