import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Place } from '../behaviour/places.js';
import { converse, LONG, openManager, running } from './conversation.js';
import { overOurs, overRealServers } from './every-place.js';
import { PYTHON, testWith } from './programs.js';

const CTRL_C = '\u0003';

overOurs(terminalsBehave);
overRealServers(terminalsBehave);

/** What is different when a command has a terminal. */
function terminalsBehave(place: Place): void {
  testWith(PYTHON, 'Ctrl-C interrupts what a REPL does, not the REPL', async (python) => {
    const manager = openManager(place);
    const started = await manager.execCommand({ cmd: `${python} -q`, tty: true, yieldTimeMs: 1_000 });
    const sessionId = running(started.sessionId);
    await converse(manager, sessionId, 'for i in range(3):\n  print(i*i)\n\n', (text) =>
      /0\r\n1\r\n4\r\n>>> $/.test(text),
    );
    await converse(manager, sessionId, 'print("be" + "gun")\nwhile True: pass\n\n', (text) =>
      text.includes('begun\r\n'),
    );
    await converse(manager, sessionId, CTRL_C, (text) => /KeyboardInterrupt\r\n>>> $/.test(text));
    const left = await manager.writeStdin({ sessionId, chars: 'import os; os._exit(6)\n', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 6, sessionId: null });
  });

  test('Ctrl-C ends the job in the foreground, and neither the shell nor a job in the background', async () => {
    const manager = openManager(place);
    const started = await manager.execCommand({ cmd: 'exec bash --norc -i', tty: true, yieldTimeMs: 500 });
    const sessionId = running(started.sessionId);
    await converse(manager, sessionId, 'sleep 100 & sleep 200\n', (text) => text.includes('[1] '));
    await converse(manager, sessionId, '\u001a', (text) => /Stopped +sleep 200/.test(text));
    await converse(manager, sessionId, 'fg\n', (text) => /sleep 200\r\n$/.test(text));
    await converse(manager, sessionId, CTRL_C, (text) => /\^C\r\n.*[$#] $/s.test(text));
    const jobs = await converse(manager, sessionId, 'jobs; echo $((6*7))\n', (text) => text.includes('42\r\n'));
    expect(jobs).toMatch(/Running +sleep 100/);
    expect(jobs).not.toContain('sleep 200');
    const left = await manager.writeStdin({ sessionId, chars: 'kill %1; exit 0\n', yieldTimeMs: LONG });
    expect(left).toMatchObject({ exitCode: 0 });
  });

  test('a child that closes its terminal and lives on is waited for', async () => {
    const manager = openManager(place);
    const cmd = 'echo bye; exec <&- >&- 2>&-; sleep 0.5; exit 4';
    const result = await manager.execCommand({ cmd, tty: true, yieldTimeMs: LONG });
    expect(result).toMatchObject({ exitCode: 4, sessionId: null, output: 'bye\r\n' });
  });

  test('what a command leaves on its terminal delays no exit code, and can be read on if it ignores the hang-up', async () => {
    const manager = openManager(place);
    const cmd = `(trap '' HUP; sleep 1.5; echo late) & echo first; sleep 0.2; exit 2`;
    const result = await manager.execCommand({ cmd, tty: true, yieldTimeMs: LONG });
    expect(result).toMatchObject({ exitCode: 2, output: 'first\r\n' });
    const rest = await manager.writeStdin({ sessionId: running(result.sessionId) });
    expect(rest).toMatchObject({ exitCode: 2, sessionId: null, output: 'late\r\n' });
  });

  test('10 MB on a terminal come whole: beginning, end, and the count of the rest', async () => {
    const manager = openManager(place);
    const cmd = `stty -opost; echo BEGIN; head -c 10485760 /dev/zero | tr '\\0' x; echo; echo END`;
    const result = await manager.execCommand({ cmd, tty: true, yieldTimeMs: LONG, maxOutputTokens: 50 });
    expect(result).toMatchObject({ exitCode: 0, truncated: true });
    expect(result.output).toMatch(/\nBEGIN\nx+…26\d+ tokens truncated…x+\nEND\n$/);
    if (!place.real) expect(result.originalTokenCount).toBe(Math.ceil((10_485_760 + 6 + 1 + 4) / 4));
  }, 60_000);

  test('100 kB that are pasted arrive whole', async () => {
    const manager = openManager(place);
    const cmd = 'stty -icanon -echo; echo ready; head -c 100000 | md5sum';
    const started = await manager.execCommand({ cmd, tty: true, yieldTimeMs: 500 });
    const sessionId = running(started.sessionId);
    if (!started.output.includes('ready')) await converse(manager, sessionId, '', (text) => text.includes('ready'));
    const pasted = '0123456789'.repeat(10_000);
    const result = await manager.writeStdin({ sessionId, chars: pasted, yieldTimeMs: LONG });
    expect(result).toMatchObject({ exitCode: 0, sessionId: null });
    expect(result.output).toContain(createHash('md5').update(pasted).digest('hex'));
  });
}
