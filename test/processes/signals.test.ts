import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { until } from '../harness/index.js';
import { launchers, newBackend, startScript } from './launchers.js';
import { record, saw } from './recording.js';

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  test.each([
    ['HUP', 129],
    ['INT', 130],
    ['QUIT', 131],
    ['ILL', 132],
    ['ABRT', 134],
    ['FPE', 136],
    ['KILL', 137],
    ['USR1', 138],
    ['SEGV', 139],
    ['PIPE', 141],
    ['ALRM', 142],
    ['TERM', 143],
  ])('a child that SIG%s ends exits with %i, and the name of the signal is told', async (name, exitCode) => {
    const process = await startScript(newBackend(launcher), `ulimit -c 0; kill -${name} $$; sleep 60`, { tty });
    expect(await record(process)).toMatchObject({ exitCode, signal: `SIG${name}`, order: ['exited', 'closed'] });
    expect(process.info()).toMatchObject({ exitCode, signal: `SIG${name}` });
  });

  test('an exit code above 128 that no signal made comes without one', async () => {
    const process = await startScript(newBackend(launcher), 'exit 137', { tty });
    expect(await record(process)).toMatchObject({ exitCode: 137, signal: null });
  });

  test.each(['interrupt', 'SIGINT', 'INT', 'int'])('signal %j reaches a trap', async (name) => {
    const script = `trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'ready');
    await process.signal(name);
    const { stdout, pty, exitCode } = await record(process);
    expect((stdout + pty).replaceAll('\r', '')).toBe('ready\ncaught\n');
    expect(exitCode).toBe(9);
  });

  test.each(['HUP', 'USR1', 'USR2', 'TERM', 'CONT', 'WINCH'])('any signal can be sent, such as SIG%s', async (name) => {
    const script = `trap 'echo caught; exit 0' ${name}; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'ready');
    await process.signal(`SIG${name}`);
    await saw(process, 'caught');
    await process.ended();
  });

  test('a signal goes to the whole group', async () => {
    const child = `sh -c 'trap "echo child; exit" USR1; echo child is up; while :; do sleep 0.02; done' &`;
    const script = `${child} trap 'echo parent; wait; exit 0' USR1; wait; wait`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'child is up');
    await process.signal('SIGUSR1');
    const { stdout, pty } = await record(process);
    expect((stdout + pty).trim().split(/\r?\n/)).toEqual(expect.arrayContaining(['child', 'parent']));
  });

  test('stopping and continuing work', async () => {
    const script = 'echo ready; while :; do :; done';
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'ready');
    const stat = () => readFileSync(`/proc/${process.info().pid}/stat`, 'latin1');
    await process.signal('SIGSTOP');
    await until(() => / T /.test(stat()));
    expect(process.info().running).toBe(true);
    await process.signal('SIGCONT');
    await until(() => !/ T /.test(stat()));
    await process.terminate();
  });

  test.each([
    '',
    'SIGNOPE',
    'interrupt ',
    '9',
    'constructor',
    'SIG',
  ])('an unknown signal such as %j is refused', async (name) => {
    const process = await startScript(newBackend(launcher), 'exec sleep 60', { tty });
    await expect(process.signal(name)).rejects.toMatchObject({
      code: -32602,
      kind: 'invalid_params',
      message: expect.stringContaining(`\`${name}\``),
    });
    expect(process.info().running).toBe(true);
    await process.terminate();
  });

  test('a signal to a process that has exited does nothing', async () => {
    const process = await startScript(newBackend(launcher), 'exit 3', { tty });
    await process.ended();
    await process.signal('SIGKILL');
    expect(process.info()).toMatchObject({ exitCode: 3, signal: null });
  });
});

test('a real-time signal is told by its number (Node, and so the portable launcher, does not know them)', async () => {
  for (const tty of [false, true]) {
    const process = await startScript(newBackend(undefined), 'kill -35 $$; sleep 60', { tty });
    expect(await record(process)).toMatchObject({ exitCode: 163, signal: 'SIG35' });
  }
});
