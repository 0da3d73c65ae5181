import { closeSync, openSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let made = 0;

/** A descriptor that `content` can be read from, and nobody else can name. `directory`: of the server's own. To be closed. */
export function inheritableFile(directory: string, content: Buffer): number {
  const path = join(directory, `handed-over-${++made}`);
  const writer = openSync(path, 'wx', 0o600);
  try {
    writeFileSync(writer, content);
    return openSync(path, 'r');
  } finally {
    closeSync(writer);
    unlinkSync(path);
  }
}
