import { existsSync } from 'node:fs';
import { test } from 'vitest';

function find(name: string): string | undefined {
  return [`/usr/bin/${name}`, `/usr/local/bin/${name}`].find(existsSync);
}

/** Not those on the PATH, which may be shims that need a home. */
export const PYTHON = find('python3');
export const VIM = find('vim') ?? find('vim.tiny');

/** A test that needs a program, or is skipped with the reason. */
export function testWith(program: string | undefined, name: string, run: (program: string) => Promise<void>): void {
  if (program) test(name, () => run(program));
  else test.skip(`${name} (skipped: the program is not installed here)`, () => undefined);
}
