import { describe, expect, test } from 'vitest';
import { upTo } from '../harness/index.js';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { record, saw } from './recording.js';

describe.each(launchers)('with the $name launcher', ({ launcher }) => {
  test('on pipes stdout and stderr come apart', async () => {
    const process = await startScript(newBackend(launcher), 'echo one; echo two >&2; echo three; echo four >&2');
    expect(await record(process)).toMatchObject({ stdout: 'one\nthree\n', stderr: 'two\nfour\n', pty: '' });
  });

  test('on a terminal both come as one stream, in the order of writing, with the line ends of a terminal', async () => {
    const process = await startScript(newBackend(launcher), 'echo one; echo two >&2; echo three', { tty: true });
    expect(await record(process)).toMatchObject({ stdout: '', stderr: '', pty: 'one\r\ntwo\r\nthree\r\n' });
  });

  test('bytes of every value go through a pipe unchanged', async () => {
    const octal = upTo(256).map((n) => `\\${(n - 1).toString(8).padStart(3, '0')}`);
    const process = await startScript(newBackend(launcher), `printf '${octal.join('')}'`);
    const all = String.fromCharCode(...upTo(256).map((n) => n - 1));
    expect((await record(process)).stdout).toBe(all);
  });

  const exitCodes = [0, 1, 42, 255].flatMap((code) => [
    { code, tty: false },
    { code, tty: true },
  ]);
  test.each(exitCodes)('exit code $code is told as it is (tty: $tty)', async ({ code, tty }) => {
    const process = await startScript(newBackend(launcher), `exit ${code}`, { tty });
    expect(await record(process)).toMatchObject({ exitCode: code, signal: null, order: ['exited', 'closed'] });
    expect(process.info()).toMatchObject({ running: false, exitCode: code, signal: null, closed: true, tty });
  });

  test.each([
    false,
    true,
  ])('what a program says before it exits comes before `exited`, every time (tty: %s)', async (tty) => {
    const backend = newBackend(launcher);
    for (let run = 0; run < 60; run++) {
      const process = await startScript(backend, 'echo last words; exit 3', { tty });
      const { order, seqs } = await record(process);
      expect(order.at(0)).toBe('output');
      expect(order.slice(-2)).toEqual(['exited', 'closed']);
      expect(seqs).toEqual(upTo(order.length));
    }
  });

  test.each([false, true])('more output than a pipe holds is whole and in order (tty: %s)', async (tty) => {
    const process = await startScript(newBackend(launcher), 'seq 1 100000', { tty });
    const { stdout, pty, seqs, exitCode } = await record(process);
    const lines = upTo(100_000).join(tty ? '\r\n' : '\n') + (tty ? '\r\n' : '\n');
    expect((tty ? pty : stdout) === lines).toBe(true);
    expect(seqs).toEqual(upTo(seqs.length));
    expect(exitCode).toBe(0);
  });

  test.each([false, true])('many small pieces of a busy child come together in fewer events (tty: %s)', async (tty) => {
    const script = 'i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo "line $i"; done';
    const process = await startScript(newBackend(launcher), script, { tty });
    const { stdout, pty, seqs } = await record(process);
    const lines = upTo(5_000).map((n) => `line ${n}\n`);
    expect((stdout + pty).replaceAll('\r', '') === lines.join('')).toBe(true);
    expect(seqs.length).toBeLessThan(2_500);
  });

  test.each([false, true])('after a busy spell an answer to input comes at once (tty: %s)', async (tty) => {
    const script = `${tty ? 'stty -echo; ' : ''}seq 1 200 | while read n; do echo $n; done; while read line; do echo "<$line>"; done`;
    const process = await startScript(newBackend(launcher), script, { tty, pipeStdin: true });
    await saw(process, /200\r?\n/);
    for (const n of upTo(20)) {
      await process.write(Buffer.from(`${n}\n`));
      await saw(process, `<${n}>`);
    }
    await process.terminate();
  });

  test('output can be read long after the process has closed, and from any seq on', async () => {
    const process = await startScript(newBackend(launcher), 'echo out; echo err >&2; exit 5');
    await process.ended();
    const whole = await process.read();
    expect(whole).toMatchObject({ exited: true, exitCode: 5, closed: true, nextSeq: 5, lost: null });
    expect(whole.chunks.map(({ stream, chunk }) => `${stream} ${chunk}`).sort()).toEqual([
      'stderr err\n',
      'stdout out\n',
    ]);
    const rest = await process.read({ afterSeq: 1 });
    expect(rest.chunks).toEqual(whole.chunks.slice(1));
  });

  test('a hundred processes at once each say their own', async () => {
    const backend = newBackend(launcher);
    const runs = upTo(100).map(async (n) => {
      const process = await startProgram(backend, ['echo', `number ${n}`], { tty: n % 2 === 0 });
      const { stdout, pty, exitCode } = await record(process);
      return { said: stdout + pty, exitCode };
    });
    const expected = upTo(100).map((n) => ({ said: `number ${n}${n % 2 === 0 ? '\r\n' : '\n'}`, exitCode: 0 }));
    expect(await Promise.all(runs)).toEqual(expected);
  });
});
