import { describe, expect, test } from 'vitest';
import { launchers, newBackend, startProgram } from './launchers.js';
import { record } from './recording.js';

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

/** Arguments as a child was given them. */
async function argvOf(...[backend, argv, more]: Parameters<typeof startProgram>): Promise<string[]> {
  const { stdout, pty, exitCode } = await record(await startProgram(backend, argv, more));
  expect(exitCode).toBe(0);
  const text = Buffer.from(stdout + pty, 'latin1')
    .toString()
    .replaceAll('\r\n', '\n');
  return text.split('\0').slice(0, -1);
}

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  test('arguments arrive as they are, empty ones included', async () => {
    const argv = ['--', '', ' ', "it's", '"quoted"', '$HOME', '*', 'a\nb', 'äöü €', '\\', ''];
    const seen = await argvOf(newBackend(launcher), ['sh', '-c', 'cat /proc/$$/cmdline', ...argv], { tty });
    expect(seen).toEqual(['sh', '-c', 'cat /proc/$$/cmdline', ...argv]);
  });

  test.each([
    'zero',
    '-bash',
    '',
    'with spaces',
    '--',
    '-',
    "it's $0",
  ])('arg0 %j is what the child sees as its name, and no matter for finding the program', async (arg0) => {
    const seen = await argvOf(newBackend(launcher), ['cat', '/proc/self/cmdline'], { arg0, tty });
    expect(seen).toEqual([arg0, '/proc/self/cmdline']);
  });

  test('without arg0 the child sees argv[0] as it was given, not where it was found', async () => {
    const seen = await argvOf(newBackend(launcher), ['cat', '/proc/self/cmdline'], { tty });
    expect(seen).toEqual(['cat', '/proc/self/cmdline']);
  });

  test('arg0 takes nothing else from the child: environment and pid are its own', async () => {
    const backend = newBackend(launcher);
    const path = { PATH: '/usr/bin:/bin', ONLY: 'this' };
    const shell = { PWD: "it's /here", OLDPWD: '$(there)', SHLVL: '7', BASH_ENV: '/missing' };
    for (const env of [path, { ...path, ...shell }]) {
      const { stdout, pty } = await record(await startProgram(backend, ['env', '-0'], { arg0: 'other', env, tty }));
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      expect((stdout + pty).split('\0').slice(0, -1).sort()).toEqual(variables.sort());
    }

    const child = await startProgram(backend, ['sh', '-c', 'echo $$'], { arg0: 'other', tty });
    const { stdout, pty } = await record(child);
    expect((stdout + pty).trim()).toBe(String(child.info().pid));
  });
});
