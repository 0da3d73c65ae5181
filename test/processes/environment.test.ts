import { describe, expect, test } from 'vitest';
import type { EnvironmentPolicy } from '../../src/protocol/process-methods.js';
import { launchers, newBackend, PATH, startProgram } from './launchers.js';
import { record } from './recording.js';

describe.each(launchers)('with the $name launcher', ({ launcher }) => {
  test.each([false, true])('a child has the environment that was asked for and nothing else (tty: %s)', async (tty) => {
    const env = { B: '2', A: 'spaces and = signs', EMPTY: '', ÜML: 'äöü €', NEWLINE: 'a\nb' };
    const process = await startProgram(newBackend(launcher), ['/usr/bin/env', '-0'], { env, tty });
    const { stdout, pty } = await record(process);
    const said = Buffer.from(stdout + pty, 'latin1')
      .toString('utf8')
      .replaceAll('\r', '');
    expect(said).toBe('A=spaces and = signs\0B=2\0EMPTY=\0NEWLINE=a\nb\0ÜML=äöü €\0');
  });

  test.each([false, true])('an empty environment is empty (tty: %s)', async (tty) => {
    const process = await startProgram(newBackend(launcher), ['/usr/bin/env'], { env: {}, tty });
    expect(await record(process)).toMatchObject({ stdout: '', pty: '', exitCode: 0 });
  });

  test.each([false, true])('names that are odd are passed on as they are (tty: %s)', async (tty) => {
    const env = { '': 'empty', 'A=B': 'c' };
    const process = await startProgram(newBackend(launcher), ['/usr/bin/env'], { env, tty });
    const { stdout, pty } = await record(process);
    expect((stdout + pty).replaceAll('\r', '')).toBe('=empty\nA=B=c\n');
  });

  test('a policy starts from the environment of the server, or the one that the backend was given', async () => {
    const envPolicy: EnvironmentPolicy = {
      inherit: 'all',
      ignoreDefaultExcludes: false,
      exclude: ['LEFT_*'],
      set: { SET: 's' },
      includeOnly: [],
    };
    const environment = { PATH, KEPT: 'k', LEFT_OUT: 'l', A_TOKEN: 't' };
    const given = newBackend(launcher, { environment });
    const process = await startProgram(given, ['env'], { env: { OVER: 'o' }, envPolicy });
    expect((await record(process)).stdout).toBe(`KEPT=k\nOVER=o\nPATH=${PATH}\nSET=s\n`);

    globalThis.process.env.EXEC_SERVER_TEST_MARK = 'own';
    const own = await startProgram(newBackend(launcher), ['env'], { env: { PATH }, envPolicy });
    expect((await record(own)).stdout).toContain('EXEC_SERVER_TEST_MARK=own\n');
  });
});
