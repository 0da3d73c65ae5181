import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd } from './cleanup.js';
import { until } from './until.js';

/** A directory of the test's own; removed with it. */
export function scratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'exec-server-test-'));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/**
 * Files by which a test and a child tell each other how far they are, while there is no connection between them.
 * In shell: `signal NAME` creates one, `await NAME` waits for one.
 */
export class Signals {
  readonly #directory = scratchDirectory();

  /** Goes before the script that uses them. */
  get shellFunctions(): string {
    return `signal() { : > '${this.#directory}/'"$1"; }; await() { while [ ! -e '${this.#directory}/'"$1" ]; do sleep 0.01; done; }; `;
  }

  send(name: string): void {
    writeFileSync(join(this.#directory, name), '');
  }

  async wait(name: string): Promise<void> {
    await until(() => existsSync(join(this.#directory, name)), { what: `the signal ${name}` });
  }
}
