import { describe, expect, test } from 'vitest';
import { STDIN_MAX_BYTES } from '../../src/process/local/limits.js';
import { upTo } from '../harness/index.js';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { record, saw } from './recording.js';

const bytes = (text: string) => Buffer.from(text);

describe.each(launchers)('with the $name launcher', ({ launcher }) => {
  test('what is written reaches the child in order, and closeStdin ends it', async () => {
    const process = await startProgram(newBackend(launcher), ['cat'], { pipeStdin: true });
    // Not awaited one by one: the order is that of the calls.
    const statuses = upTo(200).map((n) => process.write(bytes(`${n}\n`)));
    await process.closeStdin();
    expect(new Set(await Promise.all(statuses))).toEqual(new Set(['accepted']));
    expect(await record(process)).toMatchObject({ stdout: `${upTo(200).join('\n')}\n`, exitCode: 0 });
  });

  test('several megabytes go in and come back whole', async () => {
    const process = await startProgram(newBackend(launcher), ['cat'], { pipeStdin: true });
    const recording = record(process);
    const chunk = Buffer.alloc(1_000_000, 'abcdefghijklmnopqrstuvwxyz\n');
    const statuses = await Promise.all(upTo(8).map(() => process.write(chunk)));
    await process.closeStdin();
    expect(new Set(statuses)).toEqual(new Set(['accepted']));
    const { stdout } = await recording;
    expect(stdout === chunk.toString('latin1').repeat(8)).toBe(true);
  });

  test('without pipeStdin the child reads the end of input at once, and writing is answered stdinClosed', async () => {
    const process = await startScript(newBackend(launcher), 'readlink /proc/self/fd/0; cat; echo end; exec sleep 60');
    expect(await saw(process, 'end')).toBe('/dev/null\nend\n');
    expect(await process.write(bytes('x'))).toBe('stdinClosed');
    await process.closeStdin();
    await process.terminate();
  });

  test('an empty write is accepted and does nothing', async () => {
    const process = await startProgram(newBackend(launcher), ['cat'], { pipeStdin: true });
    expect(await process.write(Buffer.alloc(0))).toBe('accepted');
    expect(await process.write(bytes('x'))).toBe('accepted');
    await process.closeStdin();
    expect((await record(process)).stdout).toBe('x');
  });

  test('after closeStdin a write is answered stdinClosed', async () => {
    const process = await startScript(newBackend(launcher), 'cat; exec sleep 60', { pipeStdin: true });
    await process.closeStdin();
    await process.closeStdin();
    expect(await process.write(bytes('x'))).toBe('stdinClosed');
    await process.terminate();
  });

  test.each([false, true])('after the exit a write is answered stdinClosed (tty: %s)', async (tty) => {
    const process = await startScript(newBackend(launcher), 'exit 0', { tty, pipeStdin: true });
    await process.ended();
    expect(await process.write(bytes('x'))).toBe('stdinClosed');
    await process.closeStdin();
  });

  test('once the child has closed its stdin, writes are answered stdinClosed', async () => {
    const script = 'exec 0<&-; echo closed; exec sleep 60';
    const process = await startScript(newBackend(launcher), script, { pipeStdin: true });
    await saw(process, 'closed');
    expect(await process.write(bytes('x'))).toBe('stdinClosed');
    expect(await process.write(bytes('y'))).toBe('stdinClosed');
    await process.terminate();
  });

  test.each([
    false,
    true,
  ])('a write that is repeated with the same writeId reaches the child once (tty: %s)', async (tty) => {
    const process = await startScript(newBackend(launcher), tty ? 'stty -echo; echo go; cat' : 'echo go; cat', {
      tty,
      pipeStdin: true,
    });
    await saw(process, 'go');
    for (const writeId of ['a', 'a', 'b', 'a', 'b', undefined, undefined]) {
      expect(await process.write(bytes(`${writeId}\n`), { writeId })).toBe('accepted');
    }
    await process.closeStdin();
    const { stdout, pty } = await record(process);
    expect((stdout + pty).replaceAll('\r', '')).toBe('go\na\nb\nundefined\nundefined\n');
  });

  test('a repeat is answered accepted even when the child has exited since', async () => {
    const process = await startProgram(newBackend(launcher), ['head', '-c', '1'], { pipeStdin: true });
    expect(await process.write(bytes('x'), { writeId: 'only' })).toBe('accepted');
    await process.ended();
    expect(await process.write(bytes('x'), { writeId: 'only' })).toBe('accepted');
    expect(await process.write(bytes('y'), { writeId: 'other' })).toBe('stdinClosed');
  });

  test('on a terminal what is typed is echoed, and closeStdin types the end of input', async () => {
    const process = await startProgram(newBackend(launcher), ['cat'], { tty: true });
    expect(await process.write(bytes('hello\n'))).toBe('accepted');
    await saw(process, 'hello\r\nhello\r\n');
    await process.closeStdin();
    expect(await record(process)).toMatchObject({ pty: 'hello\r\nhello\r\n', exitCode: 0 });
  });

  test('a terminal in raw mode passes on every byte of a long input', async () => {
    const script = 'stty raw -echo; echo ready; head -c 300000 | cksum';
    const process = await startScript(newBackend(launcher), script, { tty: true });
    await saw(process, 'ready');
    const input = Buffer.alloc(300_000, '0123456789abcdef');
    await Promise.all([process.write(input.subarray(0, 100_000)), process.write(input.subarray(100_000))]);
    const sum = await startScript(newBackend(launcher), 'yes 0123456789abcdef | tr -d "\\n" | head -c 300000 | cksum');
    const expected = (await record(sum)).stdout.trim();
    expect((await record(process)).pty.replace('ready', '').trim()).toBe(expected);
  });

  describe.each([false, true])('a child that does not read (tty: %s)', (tty) => {
    const script = `${tty ? 'stty raw -echo; ' : ''}echo ready; exec sleep 60`;

    test('holds up nothing but its own writes', async () => {
      const backend = newBackend(launcher);
      const stuck = await startScript(backend, script, { tty, pipeStdin: true });
      await saw(stuck, 'ready');
      const chunk = Buffer.alloc(4_000_000, 'x');
      let answered: string | undefined;
      const write = stuck.write(chunk).then((status) => {
        answered = status;
      });

      const other = await startScript(backend, 'echo served', { tty });
      expect((await record(other)).exitCode).toBe(0);
      expect(stuck.info().running).toBe(true);
      expect(answered).toBe(undefined);

      expect(await stuck.terminate()).toEqual({ running: true });
      await write;
      expect(answered).toBe('stdinClosed');
    });

    test('is refused more than the limit, and what was accepted arrives once it reads', async () => {
      const reading = `${tty ? 'stty raw -echo; ' : ''}trap 'exec wc -c' USR1; echo ready; while :; do sleep 0.01; done`;
      const process = await startScript(newBackend(launcher), tty ? script : reading, { tty, pipeStdin: true });
      await saw(process, 'ready');
      const chunk = Buffer.alloc(STDIN_MAX_BYTES / 4, 'x');
      const accepted = upTo(4).map(() => process.write(chunk));
      await expect(process.write(chunk, { writeId: 'refused' })).rejects.toMatchObject({
        kind: 'stdin_full',
        data: { retryable: true },
      });
      if (tty) {
        await process.terminate(); // 64 MiB through a terminal would take half a minute
        await Promise.all(accepted);
        return;
      }
      await process.signal('SIGUSR1');
      expect(new Set(await Promise.all(accepted))).toEqual(new Set(['accepted']));
      expect(await process.write(bytes('y'), { writeId: 'refused' })).toBe('accepted'); // its first attempt did not count
      await process.closeStdin();
      expect((await record(process)).stdout).toBe(`ready\n${STDIN_MAX_BYTES + 1}\n`);
    });
  });
});
