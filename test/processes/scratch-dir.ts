import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from '../harness/index.js';

/** A directory of its own for a test; removed with it. */
export function scratchDir(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'processes-test-')));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Writes a file and returns its path; executable unless `mode` says otherwise. */
export function writeProgram(directory: string, name: string, content: string | Buffer, mode = 0o755): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, mode); // whatever the umask
  return path;
}
