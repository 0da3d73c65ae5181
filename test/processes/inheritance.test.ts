import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { upTo } from '../harness/index.js';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { record, saw } from './recording.js';

/** The fields of /proc/PID/stat that say where a process belongs. */
function membership(stat: string) {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, , group, session, terminal, foregroundGroup] = fields;
  return { pid: Number(stat.split(' ', 1)[0]), group, session, terminal, foregroundGroup };
}

describe.each(launchers)('with the $name launcher', ({ name, launcher }) => {
  const native = name === 'native';

  test('stdout and stderr are real pipes: a script can open /dev/stdout and /dev/stderr', async () => {
    const script =
      'echo out > /dev/stdout; echo err > /dev/stderr; echo both | tee /dev/stderr; echo fd > /proc/self/fd/2';
    const process = await startScript(newBackend(launcher), script);
    expect(await record(process)).toMatchObject({ stdout: 'out\nboth\n', stderr: 'err\nboth\nfd\n', exitCode: 0 });
  });

  test('stdin is a real pipe: a script can open /dev/stdin', async () => {
    const script = 'exec 3< /dev/stdin; echo open; cat <&3';
    const process = await startScript(newBackend(launcher), script, { pipeStdin: true });
    await saw(process, 'open');
    await process.write(Buffer.from('in'));
    await process.closeStdin();
    expect(await record(process)).toMatchObject({ stdout: 'open\nin', exitCode: 0 });
  });

  // Opening a fifo waits for a writer, which is why the portable launcher cannot have this.
  test.runIf(native)('/dev/stdin can be opened after the input has ended', async () => {
    const script = 'echo ready; read line; cat < /dev/stdin; echo end';
    const process = await startScript(newBackend(launcher), script, { pipeStdin: true });
    await saw(process, 'ready');
    await process.closeStdin();
    expect((await record(process)).stdout).toBe('ready\nend\n');
  });

  test('the pipes are pipes by name too, a different one for each stream', async () => {
    const script = 'for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; stat -L -c %F /proc/$$/fd/[012]';
    const process = await startScript(newBackend(launcher), script, { pipeStdin: true });
    const lines = (await record(process)).stdout.trim().split('\n');
    const links = lines.slice(0, 3);
    expect(new Set(links).size).toBe(3);
    for (const link of links) expect(link).toMatch(native ? /^pipe:\[\d+\]$/ : /^\/.*\/\d+ \(deleted\)$/);
    expect(lines.slice(3)).toEqual(['fifo', 'fifo', 'fifo']);
  });

  test('a child finds its stdin and output blocking, as programs expect', async () => {
    const script = 'for fd in 0 1 2; do grep flags /proc/$$/fdinfo/$fd; done';
    for (const tty of [false, true]) {
      const process = await startScript(newBackend(launcher), script, { tty, pipeStdin: true });
      const { stdout, pty } = await record(process);
      const flags = [...(stdout + pty).matchAll(/flags:\s*(\d+)/g)].map(([, octal]) => Number.parseInt(octal ?? '', 8));
      expect(flags).toHaveLength(3);
      expect(flags.map((flag) => flag & 0o4000)).toEqual([0, 0, 0]); // O_NONBLOCK
    }
  });

  test.each([false, true])('a child inherits no descriptor above 2 (tty: %s)', async (tty) => {
    // What this very process was given by whoever runs the tests, only the native launcher can hold back.
    const inherited = native ? [] : readdirSync('/proc/self/fd');
    const backend = newBackend(launcher);
    // node-pty leaves the masters of its terminals open to whoever comes next.
    const terminals = native ? newBackend('portable') : backend;
    const others = await Promise.all([
      ...upTo(2).map(() => startScript(backend, 'echo up; exec sleep 60', { pipeStdin: true })),
      ...upTo(native ? 2 : 0).map(() => startScript(terminals, 'echo up; exec sleep 60', { tty: true })),
    ]);
    for (const other of others) await saw(other, 'up');
    const process = await startProgram(backend, ['ls', '-l', '/proc/self/fd'], { tty, pipeStdin: true });
    const { stdout, pty } = await record(process);
    const open = [...(stdout + pty).matchAll(/ (\d+) -> (\S+)/g)].filter(([, fd = '']) => !inherited.includes(fd));
    const above = open.filter(([, fd]) => Number(fd) > 2).map(([, , target]) => target);
    expect(above.filter((target) => !/^\/proc\/\d+\/fd$/.test(target ?? ''))).toEqual([]); // `ls` itself reads that one
    for (const other of others) await other.terminate();
  });

  test('a child on pipes leads a session and a group of its own, without a terminal', async () => {
    const process = await startProgram(newBackend(launcher), ['cat', '/proc/self/stat']);
    const { pid } = process.info();
    expect(membership((await record(process)).stdout)).toEqual({
      pid,
      group: pid,
      session: pid,
      terminal: 0,
      foregroundGroup: -1,
    });
  });

  test('a child on a terminal leads the session and the foreground group of that terminal', async () => {
    const process = await startProgram(newBackend(launcher), ['cat', '/proc/self/stat'], { tty: true });
    const { pid } = process.info();
    const found = membership((await record(process)).pty);
    expect(found).toMatchObject({ pid, group: pid, session: pid, foregroundGroup: pid });
    expect(found.terminal).not.toBe(0);
  });

  test('on a terminal all three streams are that terminal, and /dev/tty is it too', async () => {
    const script =
      'tty; readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2; echo to tty > /dev/tty; test -t 0 -a -t 1 -a -t 2';
    const { pty, exitCode } = await record(await startScript(newBackend(launcher), script, { tty: true }));
    const [terminal, ...rest] = pty.trim().split('\r\n');
    expect(terminal).toMatch(/^\/dev\/pts\/\d+$/);
    expect(rest).toEqual([terminal, terminal, terminal, 'to tty']);
    expect(exitCode).toBe(0);
  });

  test.each([false, true])('no signal is blocked or ignored in a child (tty: %s)', async (tty) => {
    // Node itself ignores SIGPIPE, and a child that inherits that writes on into broken pipes.
    const ignored = () => undefined;
    globalThis.process.on('SIGUSR2', ignored);
    const process = await startProgram(newBackend(launcher), ['grep', 'Sig', '/proc/self/status'], { tty });
    const { stdout, pty } = await record(process);
    globalThis.process.off('SIGUSR2', ignored);
    const masks = Object.fromEntries(
      [...(stdout + pty).matchAll(/Sig(\w+):\s*([0-9a-f]+)/g)].map(([, kind, mask]) => [kind, Number(`0x${mask}`)]),
    );
    expect(masks).toMatchObject({ Blk: 0, Ign: 0, Pnd: 0 });
  });

  test('a pipeline whose reader has gone ends by SIGPIPE, quietly', async () => {
    const script = 'yes | head -n 1; yes 2>&1 | head -n 1';
    expect(await record(await startScript(newBackend(launcher), script))).toMatchObject({
      stdout: 'y\ny\n',
      stderr: '',
      exitCode: 0,
    });
  });

  test.each([false, true])("a child has the server's umask and no new limits (tty: %s)", async (tty) => {
    const process = await startScript(newBackend(launcher), 'umask; ulimit -a', { tty });
    const { stdout, pty } = await record(process);
    const [umask, ...limits] = (stdout + pty).replaceAll('\r', '').split('\n');
    expect(Number.parseInt(umask ?? '', 8)).toBe(globalThis.process.umask());
    const own = await record(await startScript(newBackend(undefined), 'ulimit -a'));
    expect(limits.join('\n')).toBe(own.stdout);
  });
});
