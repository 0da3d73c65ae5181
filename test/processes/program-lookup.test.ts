import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { launchers, newBackend, startProgram } from './launchers.js';
import { record } from './recording.js';
import { scratchDir, writeProgram } from './scratch-dir.js';

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  /** Two directories, each with a `tool` that says where it is; what running `argv` in the first with that PATH says. */
  async function run(argv: readonly [string, ...string[]], path: (a: string, b: string) => string | undefined) {
    const root = scratchDir();
    const [a, b] = [join(root, 'a'), join(root, 'b')] as const;
    for (const directory of [a, b]) {
      mkdirSync(directory);
      writeProgram(directory, 'tool', `#!/bin/sh\necho ${directory === a ? 'a' : 'b'} "$@"\n`);
    }
    writeProgram(a, 'other', '#!/bin/sh\necho not executable\n', 0o644);
    writeProgram(b, 'other', '#!/bin/sh\necho other of b\n');
    mkdirSync(join(a, 'third'));
    writeProgram(b, 'third', '#!/bin/sh\necho third of b\n');
    const PATH = path(a, b);
    const child = await startProgram(newBackend(launcher), argv, {
      cwd: a,
      env: PATH === undefined ? {} : { PATH },
      tty,
    });
    const { stdout, stderr, pty } = await record(child);
    return (stdout + stderr + pty).trim();
  }

  test("a bare name is looked up in the PATH of the child's own environment, first come first served", async () => {
    expect(await run(['tool'], (a, b) => `${a}:${b}`)).toBe('a');
    expect(await run(['tool'], (a, b) => `${b}:${a}`)).toBe('b');
    expect(await run(['tool'], (_a, b) => `/missing:${b}`)).toBe('b');
  });

  test("the server's own PATH is of no matter", async () => {
    await expect(run(['sh'], (_a, b) => b)).rejects.toThrow('No such file or directory (os error 2)');
  });

  test.each([
    '',
    ':/missing',
    '/missing:',
    '/missing::/nowhere',
  ])('an empty component, as in PATH=%j, is the cwd', async (path) => {
    expect(await run(['tool'], () => path)).toBe('a');
  });

  test('a relative component is taken from the cwd', async () => {
    expect(await run(['tool'], () => '../b')).toBe('b');
  });

  test('with no PATH at all the directories of the system are searched', async () => {
    expect(await run(['expr', '1', '+', '2'], () => undefined)).toBe('3');
    await expect(run(['tool'], () => undefined)).rejects.toThrow('No such file or directory (os error 2)');
  });

  test('a name with a slash is taken from the cwd, PATH or no PATH', async () => {
    expect(await run(['./tool', 'x y'], (_a, b) => b)).toBe('a x y');
    expect(await run(['../b/tool'], () => undefined)).toBe('b');
  });

  test('what cannot be executed is passed over: files without the permission, and directories', async () => {
    expect(await run(['other'], (a, b) => `${a}:${b}`)).toBe('other of b');
    expect(await run(['third'], (a, b) => `${a}:${b}`)).toBe('third of b');
  });

  test('when nothing else is found, what cannot be executed is the reason', async () => {
    const denied = 'Permission denied (os error 13)';
    await expect(run(['other'], (a) => `${a}:/missing`)).rejects.toThrow(denied);
    await expect(run(['third'], (a) => `/missing:${a}`)).rejects.toThrow(denied);
  });
});
