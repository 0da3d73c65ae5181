import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sendSignal } from '../../src/process/local/process-tree.js';
import { atEnd, isAlive, until, upTo, within } from '../harness/index.js';
import { launchers, newBackend, startScript } from './launchers.js';
import { pidIn } from './pid-file.js';
import { happened, record, saw } from './recording.js';
import { scratchDir } from './scratch-dir.js';

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

/** Ignores what can be ignored, and lives on. */
const STUBBORN = `trap '' TERM HUP INT; echo ready; while :; do sleep 0.05; done`;

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  test('terminate kills at once: no trap runs', async () => {
    const process = await startScript(newBackend(launcher), `trap 'echo trapped' TERM HUP INT; ${STUBBORN}`, { tty });
    await saw(process, 'ready');
    const began = performance.now();
    expect(await process.terminate()).toEqual({ running: true });
    const { stdout, pty, exitCode, signal, order } = await record(process);
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(stdout + pty).not.toContain('trapped');
    expect({ exitCode, signal }).toEqual({ exitCode: 137, signal: 'SIGKILL' });
    expect(order.slice(-2)).toEqual(['exited', 'closed']);
  });

  test('terminate of what has ended answers that it was not running, and changes nothing', async () => {
    const process = await startScript(newBackend(launcher), 'exit 3', { tty });
    await process.ended();
    expect(await process.terminate()).toEqual({ running: false });
    expect(await process.terminate({ graceMs: 100 })).toEqual({ running: false });
    expect(process.info()).toMatchObject({ exitCode: 3, signal: null });
  });

  test('with a grace period TERM comes first, and a child that heeds it ends in its own way', async () => {
    const script = `trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'ready');
    expect(await process.terminate({ graceMs: 10_000 })).toEqual({ running: true });
    const { stdout, pty, exitCode, signal } = await record(process);
    expect((stdout + pty).replaceAll('\r', '')).toMatch(/^ready\n(Terminated\n)?bye\n$/); // the shell's word for its `sleep`
    expect({ exitCode, signal }).toEqual({ exitCode: 5, signal: null });
  });

  test('a child that ignores TERM is killed when the grace period is over, and not before', async () => {
    const process = await startScript(newBackend(launcher), STUBBORN, { tty });
    await saw(process, 'ready');
    const began = performance.now();
    expect(await process.terminate({ graceMs: 300 })).toEqual({ running: true });
    expect(await record(process)).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(295);
  });

  test('the grace period is for all that it started: who heeds TERM ends by itself, who does not is killed', async () => {
    const directory = scratchDir();
    const start = (name: string, prefix: string, trap: string) =>
      `${prefix} sh -c 'trap "${trap}" TERM HUP; echo $$ > ${directory}/${name}; while :; do sleep 0.02; done' &`;
    const heeding = `echo bye > ${directory}/last-words; exit`;
    const script = [
      start('stubborn-group', '', ''),
      start('stubborn-session', 'setsid', ''),
      start('polite-session', 'setsid', heeding),
      "trap 'exit 5' TERM; wait; wait",
    ].join(' ');
    const process = await startScript(newBackend(launcher), script, { tty });
    const names = ['stubborn-group', 'stubborn-session', 'polite-session'];
    const pids = await Promise.all(names.map((name) => pidIn(join(directory, name))));
    await process.terminate({ graceMs: 500 });
    await happened(process, 'exited');
    await until(() => pids[2] !== undefined && !isAlive(pids[2]));
    expect(readFileSync(join(directory, 'last-words'), 'utf8')).toBe('bye\n');
    expect(await record(process)).toMatchObject({ exitCode: 5, signal: null });
    await until(() => !pids.some(isAlive), { what: 'the end of all descendants' });
  });

  test('a stopped child gets its TERM too', async () => {
    const script = `trap 'exit 5' TERM; echo ready; kill -STOP $$; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'ready');
    await until(() => / T /.test(readFileSync(`/proc/${process.info().pid}/stat`, 'latin1')));
    await process.terminate({ graceMs: 10_000 });
    expect((await record(process)).exitCode).toBe(5);
  });

  test('a second terminate without grace does not wait for the first', async () => {
    const process = await startScript(newBackend(launcher), STUBBORN, { tty });
    await saw(process, 'ready');
    await process.terminate({ graceMs: 60_000 });
    await process.terminate();
    expect(await record(process)).toMatchObject({ exitCode: 137 });
  });

  test('what was written before the kill is delivered, in order and to the last byte', async () => {
    const backend = newBackend(launcher);
    const file = join(scratchDir(), 'written');
    // The child notes how far it has come after each line, so the lines up to there must arrive.
    const script = `n=0; while :; do n=$((n+1)); echo "line $n of a child that is about to be killed"; echo $n >&3; done`;
    for (let run = 0; run < 5; run++) {
      const process = await startScript(backend, `exec 3> ${file}; ${script}`, { tty });
      await saw(process, 'line 300 ');
      await process.terminate();
      const { stdout, pty, seqs, order } = await record(process);
      const written = readFileSync(file, 'utf8').trim().split('\n').length;
      const lines = (stdout + pty).replaceAll('\r', '').split('\n').slice(0, -1);
      expect(lines.length).toBeGreaterThanOrEqual(written);
      expect(lines).toEqual(lines.map((_, i) => `line ${i + 1} of a child that is about to be killed`));
      expect(seqs).toEqual(upTo(seqs.length));
      expect(order.slice(-2)).toEqual(['exited', 'closed']);
    }
  });

  test('terminate ends what the child has started: in its group, and with setsid in a session of its own', async () => {
    const directory = scratchDir();
    const background = (name: string, prefix: string) =>
      `${prefix} sh -c 'trap "" TERM HUP INT; echo $$ > ${directory}/${name}; while :; do sleep 0.05; done' &`;
    const nested = `sh -c 'setsid sh -c "echo \\$\\$ > ${directory}/nested; sleep 1000" & wait' &`;
    const script = `${background('group', '')} ${background('session', 'setsid')} ${nested} wait`;
    const process = await startScript(newBackend(launcher), script, { tty });
    const pids = await Promise.all(['group', 'session', 'nested'].map((name) => pidIn(join(directory, name))));
    await process.terminate();
    expect((await record(process)).order.at(-1)).toBe('closed');
    await until(() => !pids.some(isAlive), { what: 'the end of all descendants' });
  });

  test('terminate after the leader has exited ends what is left of its group, and closes', async () => {
    const file = join(scratchDir(), 'left');
    const left = `sh -c 'trap "" TERM HUP INT; echo $$ > ${file}; while :; do sleep 0.05; done'`;
    const process = await startScript(newBackend(launcher), `trap '' HUP; ${left} & sleep 0.2; exit 4`, { tty });
    const pid = await pidIn(file);
    await happened(process, 'exited');
    expect(process.info()).toMatchObject({ running: false, closed: false });
    expect(isAlive(pid)).toBe(true);
    expect(await process.terminate()).toEqual({ running: false });
    expect(await record(process)).toMatchObject({ exitCode: 4, signal: null, order: ['exited', 'closed'] });
    await until(() => !isAlive(pid));
  });

  test('somebody out of reach who still holds the output does not hold up the end of a terminated process', async () => {
    const file = join(scratchDir(), 'daemon');
    // Its parent is gone and its session is its own: nothing tells whose it was.
    const daemon = `setsid sh -c 'sh -c "echo \\$\\$ > ${file}; exec sleep 1000" & exit'`;
    const process = await startScript(newBackend(launcher), `trap '' HUP; ${daemon}; echo up; exec sleep 1000`, {
      tty,
    });
    const pid = await pidIn(file);
    atEnd(() => sendSignal(pid, 'SIGKILL'));
    await saw(process, 'up');
    await process.terminate();
    expect(await record(process)).toMatchObject({ exitCode: 137, order: ['output', 'exited', 'closed'] });
    expect(isAlive(pid)).toBe(true);
  });

  test('terminate twice at once is no trouble', async () => {
    const process = await startScript(newBackend(launcher), 'exec sleep 60', { tty });
    const answers = await Promise.all([process.terminate(), process.terminate(), process.terminate({ graceMs: 5 })]);
    expect(answers).toEqual([{ running: true }, { running: true }, { running: true }]);
    expect((await record(process)).order).toEqual(['exited', 'closed']);
  });

  test.each([0, 60_000])('terminate right after the start is not lost (graceMs: %i)', async (graceMs) => {
    const backend = newBackend(launcher);
    const runs = upTo(30).map(async () => {
      const process = await startScript(backend, 'exec sleep 1000', { tty });
      await process.terminate({ graceMs });
      return record(process);
    });
    const ended = { exitCode: graceMs > 0 ? 143 : 137, order: ['exited', 'closed'] };
    for (const recording of await Promise.all(runs)) expect(recording).toMatchObject(ended);
  });

  test('a process that outlives its timeoutMs is terminated', async () => {
    const began = performance.now();
    const process = await startScript(newBackend(launcher), 'echo up; exec sleep 60', { tty, timeoutMs: 150 });
    const { exitCode, signal } = await record(process);
    expect({ exitCode, signal }).toEqual({ exitCode: 143, signal: 'SIGTERM' });
    expect(performance.now() - began).toBeGreaterThanOrEqual(145);
  });

  test('a process that ends before its timeoutMs is not touched', async () => {
    const process = await startScript(newBackend(launcher), 'exit 6', { tty, timeoutMs: 60_000 });
    expect(await record(process)).toMatchObject({ exitCode: 6, signal: null });
  });

  test('closing the backend ends everything it started, and nothing new starts', async () => {
    const directory = scratchDir();
    const backend = newBackend(launcher, { closeGraceMs: 200 });
    const stubborn = await startScript(backend, STUBBORN, { tty });
    const polite = await startScript(
      backend,
      `trap 'echo bye; exit 5' TERM; ${'echo ready; while :; do sleep 0.02; done'}`,
      {
        tty,
      },
    );
    const daemon = `setsid sh -c 'echo $$ > ${directory}/daemon; exec sleep 1000' < /dev/null > /dev/null 2>&1 & wait`;
    const parent = await startScript(backend, daemon, { tty });
    await Promise.all([saw(stubborn, 'ready'), saw(polite, 'ready')]);
    const pid = await pidIn(join(directory, 'daemon'));

    await within(Promise.all([backend.close(), backend.close()]), 10_000, 'the end of the backend');
    expect(stubborn.info()).toMatchObject({ exitCode: 137 });
    expect(polite.info()).toMatchObject({ exitCode: 5 });
    expect(parent.info().running).toBe(false);
    await until(() => !isAlive(pid));
    await expect(startScript(backend, 'true', { tty })).rejects.toMatchObject({ kind: 'shutting_down' });
  });

  test('a start that is under way when the backend closes leaves nothing running', async () => {
    const directory = scratchDir();
    const backend = newBackend(launcher);
    const starts = upTo(10).map((n) => startScript(backend, `echo $$ > ${directory}/${n}; exec sleep 1000`, { tty }));
    const closed = backend.close();
    const started = (await Promise.allSettled(starts)).flatMap((it) => (it.status === 'fulfilled' ? it.value : []));
    await within(closed, 10_000, 'the end of the backend');
    for (const process of started) {
      await happened(process, 'closed');
      expect(isAlive(process.info().pid ?? 0)).toBe(false);
    }
  });
});
