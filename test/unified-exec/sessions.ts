import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { formatResult, NoStdinError, UnknownSessionError } from '../../src/unified-exec/index.js';
import type { Place } from '../behaviour/places.js';
import { scratchDirectory, until } from '../harness/index.js';
import { converse, LONG, openManager, running } from './conversation.js';
import { PYTHON, testWith, VIM } from './programs.js';

/** What agents do in a day, the same everywhere. */
export function sessionsBehave(place: Place): void {
  test('a command that ends yields its output and its exit code at once', async () => {
    const manager = openManager(place);
    const result = await manager.execCommand({ cmd: 'echo out; echo err >&2; exit 3', yieldTimeMs: LONG });
    expect(result).toMatchObject({ exitCode: 3, sessionId: null, failure: null, truncated: false });
    expect(result.output.split('\n').sort()).toEqual(['', 'err', 'out']);
    expect(manager.list()).toEqual([]);
  });

  test('commands get the environment for agents over the own one of the executor, and a login shell there', async () => {
    const manager = openManager(place, { env: { OF_THE_HOST: 'x' } });
    const { output } = await manager.execCommand({
      cmd: 'echo "$NO_COLOR,$TERM,$LANG,$GIT_PAGER,$OF_THE_HOST"; shopt -q login_shell && echo login',
      yieldTimeMs: LONG,
    });
    expect(output).toBe('1,dumb,C.UTF-8,cat,x\nlogin\n');
  });

  testWith(PYTHON, 'a python REPL answers what is typed, until it is left', async (python) => {
    const manager = openManager(place);
    const started = await manager.execCommand({ cmd: `${python} -q`, tty: true, yieldTimeMs: 1_000 });
    const sessionId = running(started.sessionId);
    expect(await converse(manager, sessionId, 'print(6*7)\n', (text) => /42\r\n>>> $/.test(text))).toContain('42\r\n');
    const left = await manager.writeStdin({ sessionId, chars: 'exit(5)\n', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 5, sessionId: null });
    await expect(manager.writeStdin({ sessionId, chars: 'late\n' })).rejects.toThrow(
      `Unknown process id ${sessionId}: it has exited with code 5, and all of its output was returned`,
    );
  });

  test('bash stops, lists and continues a job', async () => {
    const manager = openManager(place);
    const started = await manager.execCommand({ cmd: 'exec bash --norc -i', tty: true, yieldTimeMs: 500 });
    const sessionId = running(started.sessionId);
    await converse(manager, sessionId, 'sleep 100\n', (text) => text.includes('sleep 100'));
    await converse(manager, sessionId, '\u001a', (text) => /Stopped +sleep 100/.test(text));
    await converse(manager, sessionId, 'bg; jobs\n', (text) => /Running +sleep 100/.test(text));
    const left = await manager.writeStdin({ sessionId, chars: 'kill %1; exit 0\n', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 0 });
  });

  testWith(VIM, 'vim edits a file on a terminal', async (vim) => {
    const manager = openManager(place);
    const file = `${scratchDirectory()}/note.txt`;
    const cmd = `TERM=xterm exec ${vim} -u NONE -n ${file}`;
    const started = await manager.execCommand({ cmd, tty: true, yieldTimeMs: 1_000 });
    const sessionId = running(started.sessionId);
    await manager.writeStdin({ sessionId, chars: 'ihello from vim', yieldTimeMs: 500 });
    const left = await manager.writeStdin({ sessionId, chars: '\u001b:wq\r', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 0 });
    const read = await manager.execCommand({ cmd: `cat ${file}`, yieldTimeMs: LONG });
    expect(read.output).toBe('hello from vim\n');
  });

  test('a dev server that never exits is polled, refuses input, and is interrupted', async () => {
    const manager = openManager(place);
    const cmd = `trap 'echo bye; exit 9' INT; echo ready; while :; do sleep 0.1; done`;
    const started = await manager.execCommand({ cmd, yieldTimeMs: 1_000 });
    expect(started).toMatchObject({ exitCode: null, output: 'ready\n' });
    const sessionId = running(started.sessionId);
    expect(formatResult(started)).toContain(`\nProcess running with session ID ${sessionId}\n`);
    await expect(manager.writeStdin({ sessionId, chars: 'hello\n' })).rejects.toThrow(NoStdinError);
    const interrupt = manager.writeStdin({ sessionId, chars: '\u0003', yieldTimeMs: LONG });
    if (place.real === '0.129.0') {
      await expect(interrupt).rejects.toThrow(/does not support.*tty/);
      await manager.terminate(sessionId);
    } else {
      expect(await interrupt).toMatchObject({ exitCode: 9, output: 'bye\n' });
    }
  });

  test('of 10 MB of output the beginning and the end are kept, and the rest is counted', async () => {
    const manager = openManager(place);
    const cmd = `echo BEGIN; head -c 10485760 /dev/zero | tr '\\0' x; echo; echo END`;
    const result = await manager.execCommand({ cmd, yieldTimeMs: LONG, maxOutputTokens: 50 });
    expect(result).toMatchObject({ exitCode: 0, truncated: true });
    expect(result.output).toMatch(/^Warning: truncated output \(original token count: \d+\)\n/);
    expect(result.output).toMatch(/\nBEGIN\nx+…26\d+ tokens truncated…x+\nEND\n$/);
    // A real server keeps 1 MiB for those who come late, so it may have dropped some itself: which is then said.
    const whole = Math.ceil((10_485_760 + 6 + 1 + 4) / 4);
    if (!place.real) {
      expect(result.originalTokenCount).toBe(whole);
      expect(result.output).toContain(`\n... ${10_485_760 + 11 - 1_048_576} bytes omitted ...\n`);
    }
  }, 60_000);

  test('a child that closes its output and lives on is waited for', async () => {
    const manager = openManager(place);
    const result = await manager.execCommand({ cmd: 'exec >&- 2>&-; sleep 0.5; exit 4', yieldTimeMs: LONG });
    expect(result).toMatchObject({ exitCode: 4, sessionId: null, output: '' });
  });

  test('a grandchild that keeps the pipe delays no exit code, and what it says can be read on', async () => {
    const manager = openManager(place);
    const result = await manager.execCommand({
      cmd: '(sleep 1.5; echo late) & echo first; exit 2',
      yieldTimeMs: LONG,
    });
    expect(result).toMatchObject({ exitCode: 2, output: 'first\n' });
    const sessionId = running(result.sessionId);
    expect(formatResult(result)).toContain(`session ID ${sessionId} reads on`);
    const rest = await manager.writeStdin({ sessionId });
    expect(rest).toMatchObject({ exitCode: 2, sessionId: null, output: 'late\n' });
  });

  test('a character is never split between two results', async () => {
    const manager = openManager(place);
    const cmd = `printf 'a\\342\\202'; sleep 1; printf '\\254b'`;
    const first = await manager.execCommand({ cmd, yieldTimeMs: 500 });
    expect(first.output).toBe('a');
    const rest = await manager.writeStdin({ sessionId: running(first.sessionId) });
    expect(rest).toMatchObject({ exitCode: 0, output: '€b' });
  });

  test('what cannot be started says what it was, and what to do', async () => {
    const manager = openManager(place);
    await expect(manager.execCommand({ cmd: 'echo x', workdir: '/definitely/not' })).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringMatching(
        /^`echo x` with the shell .* in \/definitely\/not could not be started: No such file/,
      ),
    });
  });

  test('a killed process is told from one that exited', async () => {
    const manager = openManager(place);
    const result = await manager.execCommand({ cmd: 'kill -9 $$', yieldTimeMs: LONG });
    expect(result.exitCode).toBe(place.real === '0.129.0' ? -1 : 137);
    if (!place.real) expect(formatResult(result)).toContain('\nProcess was killed by SIGKILL\n');
  });

  test('calls on different sessions run side by side', async () => {
    const manager = openManager(place);
    const directory = scratchDirectory();
    const meet = (own: string, other: string) =>
      manager.execCommand({
        cmd: `: > ${directory}/${own}; while [ ! -e ${directory}/${other} ]; do sleep 0.02; done; echo met`,
        yieldTimeMs: LONG,
      });
    const results = await Promise.all([meet('a', 'b'), meet('b', 'a')]);
    expect(results.map(({ output }) => output)).toEqual(['met\n', 'met\n']);
  });

  test('cancelling a call ends the call, not the process', async () => {
    const manager = openManager(place);
    const call = new AbortController();
    const waiting = manager.execCommand({ cmd: 'sleep 100', yieldTimeMs: LONG }, { signal: call.signal });
    await until(() => manager.list().length === 1, { what: 'the process' });
    call.abort(new Error('the turn was cancelled'));
    await expect(waiting).rejects.toThrow('the turn was cancelled');
    expect(manager.list()).toMatchObject([{ command: 'sleep 100', hasExited: false }]);
  });

  test('closing the manager ends all processes', async () => {
    const manager = openManager(place);
    const { output } = await manager.execCommand({ cmd: 'echo $$; exec sleep 100', yieldTimeMs: 500 });
    await manager.close();
    const pid = Number(output);
    expect(pid).toBeGreaterThan(1);
    await until(() => !existsSync(`/proc/${pid}/stat`) || isZombie(pid), { what: 'the end of the process' });
    expect(manager.list()).toEqual([]);
    await expect(manager.execCommand({ cmd: 'true' })).rejects.toMatchObject({ code: 'manager_closed' });
    await expect(manager.writeStdin({ sessionId: 1 })).rejects.toThrow(UnknownSessionError);
  });
}

function isZombie(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}
