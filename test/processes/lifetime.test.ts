import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LocalBackend } from '../../src/process/index.js';
import { isAlive, RawClient, shell, startInProcess, until, upTo } from '../harness/index.js';
import { launchers, newBackend, startScript } from './launchers.js';
import { pidIn } from './pid-file.js';
import { happened, record, saw } from './recording.js';
import { scratchDir } from './scratch-dir.js';

const ways = launchers.flatMap(({ name, launcher }) => [
  { name, launcher, tty: false },
  { name, launcher, tty: true },
]);

describe.each(ways)('with the $name launcher (tty: $tty)', ({ launcher, tty }) => {
  test('a grandchild that holds the output delays `closed`, not `exited`, and what it says counts', async () => {
    const gate = join(scratchDir(), 'gate');
    const grandchild = `trap '' HUP; (while [ ! -e ${gate} ]; do sleep 0.01; done; echo late) &`;
    const process = await startScript(newBackend(launcher), `${grandchild} echo early; exit 7`, { tty });
    await happened(process, 'exited');
    expect(process.info()).toMatchObject({ running: false, exitCode: 7, closed: false });
    const open = await startScript(newBackend(launcher), `: > ${gate}`);
    await open.ended();
    const { stdout, pty, order, seqs } = await record(process);
    expect((stdout + pty).replaceAll('\r', '')).toBe('early\nlate\n');
    expect(order).toEqual(['output', 'exited', 'output', 'closed']);
    expect(seqs).toEqual(upTo(4));
  });

  test('a grandchild that goes on writing much loses nothing of it', async () => {
    const script = `trap '' HUP; (sleep 0.05; seq 1 50000) & exit 0`;
    const { stdout, pty, order } = await record(await startScript(newBackend(launcher), script, { tty }));
    expect(order[0]).toBe('exited');
    expect((stdout + pty).replaceAll('\r', '') === `${upTo(50_000).join('\n')}\n`).toBe(true);
  });

  test('a daemon that has given up the output does not delay `closed`, and runs on', async () => {
    const file = join(scratchDir(), 'pid');
    const daemon = `trap '' HUP; (echo $$ > /dev/null; exec sh -c 'echo $$ > ${file}; exec sleep 1000') < /dev/null > /dev/null 2>&1 &`;
    const process = await startScript(newBackend(launcher), `${daemon} exit 0`, { tty });
    expect((await record(process)).order).toEqual(['exited', 'closed']);
    expect(isAlive(await pidIn(file))).toBe(true); // ended with the backend
  });

  test('a child that has closed its output but runs on has not closed', async () => {
    const gate = join(scratchDir(), 'gate');
    const script = `echo bye; exec > /dev/null 2>&1 < /dev/null; while [ ! -e ${gate} ]; do sleep 0.01; done; exit 3`;
    const process = await startScript(newBackend(launcher), script, { tty });
    await saw(process, 'bye');
    expect(process.info()).toMatchObject({ running: true, closed: false });
    const open = await startScript(newBackend(launcher), `: > ${gate}`);
    await open.ended();
    expect(await record(process)).toMatchObject({ exitCode: 3, order: ['output', 'exited', 'closed'] });
  });

  test('one stream that is closed early does not end the other', async () => {
    const process = await startScript(newBackend(launcher), 'exec 2>&-; sleep 0.05; echo still here; exit 3', { tty });
    const { stdout, pty, exitCode } = await record(process);
    expect((stdout + pty).trim()).toBe('still here');
    expect(exitCode).toBe(3);
  });

  test('info tells what is known without asking for output', async () => {
    const before = Date.now();
    const process = await startScript(newBackend(launcher), 'echo up; exec sleep 60', { tty, cwd: '/tmp' });
    await saw(process, 'up');
    const info = process.info();
    expect(info).toMatchObject({
      cwd: '/tmp',
      tty,
      running: true,
      exitCode: null,
      signal: null,
      closed: false,
      nextSeq: 2,
    });
    expect(info.argv).toEqual(['/bin/sh', '-c', 'echo up; exec sleep 60']);
    expect(info.startedAtMs).toBeGreaterThanOrEqual(before);
    expect(info.startedAtMs).toBeLessThanOrEqual(Date.now());
    expect(isAlive(info.pid ?? 0)).toBe(true);
    await process.terminate();
  });

  test('a slow reader holds the child back, and gets every byte', async () => {
    const backend = newBackend(launcher, { retainedBytesPerProcess: 200_000 });
    const process = await startScript(backend, 'seq 1 300000', { tty });
    const events = process.events({ holdBack: true });
    const first = await events.next();
    await until(() => process.info().nextSeq > 3); // it runs ahead, up to a limit
    await new Promise((resolve) => setTimeout(resolve, 200)); // long enough to print it all, were it not held back
    expect(process.info().running).toBe(true);

    const chunks = first.value?.type === 'output' ? [first.value.chunk] : [];
    for await (const event of events) {
      expect(event.type).not.toBe('gap');
      if (event.type === 'output') chunks.push(event.chunk);
    }
    const said = Buffer.concat(chunks).toString('latin1').replaceAll('\r', '');
    expect(said === `${upTo(300_000).join('\n')}\n`).toBe(true);
  });

  test('with nobody reading a child runs on, and the end of its output is kept', async () => {
    const backend = newBackend(launcher, { retainedBytesPerProcess: 200_000 });
    const process = await startScript(backend, 'seq 1 300000', { tty });
    await process.ended();
    const { chunks, lost, exitCode } = await process.read();
    const kept = Buffer.concat(chunks.map(({ chunk }) => chunk)).toString('latin1');
    expect(exitCode).toBe(0);
    expect(kept.length).toBeLessThanOrEqual(200_000);
    expect(kept.length).toBeGreaterThan(100_000);
    expect(kept.trim().endsWith('300000')).toBe(true);
    expect(lost).toEqual({ fromSeq: 1, toSeq: (chunks[0]?.seq ?? 0) - 1 });
  });

  test('a terminate that comes with the start, on the wire, waits for it and ends the process', async () => {
    const processes = new LocalBackend({ launcher, closeGraceMs: 0 });
    const { url } = await startInProcess({ processes });
    const client = await RawClient.open(url);
    const answers = await Promise.all(
      upTo(10).flatMap((n) => [
        client.result('process/start', shell(`p${n}`, 'exec sleep 1000', { tty })),
        client.result('process/terminate', { processId: `p${n}` }),
      ]),
    );
    expect(answers.filter((_, n) => n % 2 === 1)).toEqual(upTo(10).map(() => ({ running: true })));
    for (const n of upTo(10)) {
      expect(await client.collect(`p${n}`)).toMatchObject({ exitCode: 137, signal: 'SIGKILL', seqs: [1, 2] });
    }
  });
});
