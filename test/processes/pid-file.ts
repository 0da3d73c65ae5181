import { readFileSync } from 'node:fs';
import { until } from '../harness/index.js';

/** Waits for a pid that a script writes into a file, as with `echo $$ > file`. */
export function pidIn(file: string): Promise<number> {
  return until(() => readPid(file), { what: `a pid in ${file}`, timeoutMs: 10_000 });
}

function readPid(file: string): number | undefined {
  try {
    const text = readFileSync(file, 'utf8');
    return text.endsWith('\n') ? Number(text) : undefined;
  } catch {
    return undefined; // not written yet
  }
}
