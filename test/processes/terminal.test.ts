import { describe, expect, test } from 'vitest';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { record, saw } from './recording.js';

describe.each(launchers)('with the $name launcher', ({ launcher }) => {
  test('a terminal has 80 columns and 24 rows unless another size is asked for', async () => {
    const backend = newBackend(launcher);
    const sizes = [undefined, { cols: 132, rows: 50 }, { cols: 1, rows: 1 }, { cols: 65_535, rows: 65_535 }];
    const told: string[] = [];
    for (const size of sizes) {
      const process = await startProgram(backend, ['stty', 'size'], { tty: true, size });
      told.push((await record(process)).pty.trim());
    }
    expect(told).toEqual(['24 80', '50 132', '1 1', '65535 65535']);
  });

  test('resizing tells the child by SIGWINCH, and it finds the new size', async () => {
    const script = `trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty: true });
    await saw(process, 'ready');
    await process.resize({ cols: 101, rows: 31 });
    expect((await record(process)).pty).toBe('ready\r\n31 101\r\n');
  });

  test('a program in front of a shell is told of a new size too', async () => {
    const inner = `trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done`;
    const process = await startProgram(newBackend(launcher), ['bash', '--norc', '-i'], { tty: true });
    await process.write(Buffer.from(`sh -c "${inner}"\n`));
    await saw(process, '\nready');
    await process.resize({ cols: 90, rows: 20 });
    await saw(process, '\r\n20 90\r\n');
    await process.terminate();
  });

  test('a process on pipes has no size, and says so', async () => {
    const process = await startScript(newBackend(launcher), 'exec sleep 60');
    await expect(process.resize({ cols: 80, rows: 24 })).rejects.toMatchObject({
      kind: 'invalid_input',
      message: expect.stringContaining('tty: true'),
    });
    await process.terminate();
  });

  test('resizing a terminal that has ended does nothing', async () => {
    const backend = newBackend(launcher);
    const process = await startScript(backend, 'exit 0', { tty: true });
    await process.ended();
    await process.resize({ cols: 90, rows: 20 });
    // The descriptor of the old terminal may be that of a new one by now, which must keep its own size.
    const next = await startScript(backend, 'echo up; read line; stty size', { tty: true });
    await saw(next, 'up');
    await process.resize({ cols: 90, rows: 20 });
    await next.write(Buffer.from('\n'));
    expect((await record(next)).pty).toContain('24 80');
  });

  test('interrupt ends the job in front of an interactive shell, not the shell', async () => {
    const process = await startProgram(newBackend(launcher), ['bash', '--norc', '-i'], {
      tty: true,
      env: { PATH: '/usr/bin:/bin', PS1: 'prompt> ' },
    });
    await saw(process, 'prompt> ');
    await process.write(Buffer.from('sh -c "echo job is up; exec sleep 1000"\n'));
    await saw(process, '\njob is up');
    await process.signal('interrupt');
    await process.write(Buffer.from('echo status $?; exit 7\n'));
    const { pty, exitCode } = await record(process);
    expect(pty).toContain('status 130');
    expect(exitCode).toBe(7);
  });

  test('interrupt with no job in front interrupts the shell, which goes on', async () => {
    const process = await startProgram(newBackend(launcher), ['bash', '--norc', '-i'], {
      tty: true,
      env: { PATH: '/usr/bin:/bin', PS1: 'prompt> ' },
    });
    await saw(process, 'prompt> ');
    await process.write(Buffer.from('half a line'));
    await saw(process, 'half a line');
    await process.signal('interrupt');
    // readline notes a signal that comes just before it waits for a key, and heeds it at the next.
    const again = setInterval(() => void process.signal('interrupt'), 300);
    await saw(process, /half a line.*prompt> /s).finally(() => clearInterval(again));
    await process.write(Buffer.from('exit 7\n'));
    expect((await record(process)).exitCode).toBe(7);
  });

  test('interrupt also reaches a program that has switched Ctrl-C off', async () => {
    const script = `stty raw -echo; trap 'printf caught; exit 9' INT; printf ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, { tty: true });
    await saw(process, 'ready');
    await process.signal('interrupt');
    expect(await record(process)).toMatchObject({ pty: 'readycaught', exitCode: 9 });
  });

  test('Ctrl-C that is typed interrupts', async () => {
    const process = await startScript(newBackend(launcher), 'echo ready; exec sleep 60', { tty: true });
    await saw(process, 'ready');
    await process.write(Buffer.from([0x03]));
    expect(await record(process)).toMatchObject({ exitCode: 130, signal: 'SIGINT' });
  });

  test('erasing takes back a whole character of several bytes', async () => {
    const process = await startScript(newBackend(launcher), 'echo ready; read line; echo "got $line"', { tty: true });
    await saw(process, 'ready');
    await process.write(Buffer.from('aé\x7fb\n'));
    expect((await record(process)).pty).toMatch(/\r\ngot ab\r\n$/);
  });
});
