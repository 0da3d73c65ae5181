import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StartParams } from '../../src/process/types.js';
import {
  atEnd,
  childrenOf,
  countDescriptors,
  isAlive,
  RawClient,
  shell,
  startBinary,
  until,
} from '../harness/index.js';
import { launchers, newBackend, startProgram, startScript } from './launchers.js';
import { happened, record, saw } from './recording.js';
import { noSandbox, sandbox } from './sandboxes.js';
import { scratchDir, writeProgram } from './scratch-dir.js';

const readOnly = sandbox({ ':root': 'read' });
const confined: Partial<StartParams> = { sandbox: readOnly };
const onTerminal: Partial<StartParams> = { ...confined, tty: true };

/** Everything below a process, as far as it can be seen. */
function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

describe.skipIf(noSandbox).each(launchers)(`a sandboxed process, $name launcher ${noSandbox ?? ''}`, ({ launcher }) => {
  test('reads its stdin to the end, and writes to both streams', async () => {
    const process = await startScript(newBackend(launcher), 'cat; echo err >&2', { ...confined, pipeStdin: true });
    expect(await process.write(Buffer.from('typed'))).toBe('accepted');
    await process.closeStdin();
    expect(await record(process)).toMatchObject({ stdout: 'typed', stderr: 'err\n', exitCode: 0, signal: null });
  });

  test('that closes its stdin leaves nobody who reads it', async () => {
    const script = 'exec 0<&-; echo closed; while :; do sleep 0.05; done';
    const process = await startScript(newBackend(launcher), script, { ...confined, pipeStdin: true });
    await saw(process, 'closed');
    await until(async () => (await process.write(Buffer.from('x'))) === 'stdinClosed');
    await process.terminate();
  });

  test('has a terminal of its own, of which it leads the session', async () => {
    const script = `stty size; ps -o sid= -p $$; echo $$; : > /dev/tty && echo controlled`;
    const process = await startScript(newBackend(launcher), script, { ...onTerminal, size: { cols: 100, rows: 40 } });
    const { pty } = await record(process);
    expect(pty.split(/\s+/).filter(Boolean)).toEqual(['40', '100', '2', '2', 'controlled']);
  });

  test('hears of a new size, and of Ctrl-C', async () => {
    const script = `trap 'stty size' WINCH; trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, onTerminal);
    await saw(process, 'ready');
    await process.resize({ cols: 90, rows: 30 });
    await saw(process, '30 90');
    await process.write(Buffer.from([3]));
    expect((await record(process)).exitCode).toBe(9);
  });

  test.each([
    ['pipes', confined],
    ['a terminal', onTerminal],
  ])('on %s gets signals, and its traps run', async (_, where) => {
    const script = `trap 'echo caught; exit 9' TERM INT; echo ready; while :; do sleep 0.02; done`;
    for (const name of ['interrupt', 'SIGTERM']) {
      const process = await startScript(newBackend(launcher), script, where);
      await saw(process, 'ready');
      await process.signal(name);
      expect(await record(process)).toMatchObject({ exitCode: 9, signal: null });
    }
  });

  test.each([
    ['exit 137', 137, null],
    ['kill -TERM $$', 143, 'SIGTERM'],
    ['kill -KILL $$', 137, 'SIGKILL'],
    ['kill -9 1; exit 3', 3, null],
  ])('that ends by `%s` ends as one outside would', async (script, exitCode, signal) => {
    const process = await startScript(newBackend(launcher), script, confined);
    expect(await record(process)).toMatchObject({ exitCode, signal });
  });

  test('is ended with all that it started, also what has left its session', async () => {
    const script =
      'setsid sh -c "trap : TERM INT; while :; do sleep 0.05; done" & echo ready; trap : TERM; while :; do sleep 0.05; done';
    for (const graceMs of [0, 50]) {
      const process = await startScript(newBackend(launcher), script, confined);
      await saw(process, 'ready');
      const all = descendantsOf(globalThis.process.pid);
      expect(all.length).toBeGreaterThan(4);
      await process.terminate({ graceMs });
      expect(await record(process)).toMatchObject({ exitCode: 137, signal: 'SIGKILL' });
      const outside = childrenOf();
      await until(() => !all.some((pid) => isAlive(pid) && !outside.includes(pid)));
    }
  });

  test('heeds a TERM that gives it time', async () => {
    const script = `trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.02; done`;
    const process = await startScript(newBackend(launcher), script, confined);
    await saw(process, 'ready');
    await process.terminate({ graceMs: 10_000 });
    expect(await record(process)).toMatchObject({ stdout: 'ready\ncaught\n', exitCode: 9 });
  });

  test('takes what it has left in the background with it', async () => {
    const process = await startScript(newBackend(launcher), 'sleep 1000 & exit 0', confined);
    await happened(process, 'closed');
    expect(process.info()).toMatchObject({ exitCode: 0, closed: true });
  });

  test('has its argv[0], its pid, and no descriptors of the server', async () => {
    const script = 'echo "$0"; ls /proc/self/fd | wc -l; echo x > /proc/1/fd/2; readlink /proc/1/exe';
    const process = await startProgram(newBackend(launcher), ['/bin/sh', '-c', script], { ...confined, arg0: 'other' });
    expect(process.info().pid).toBeGreaterThan(0);
    const { stdout, stderr } = await record(process);
    expect(stdout).toBe('other\n4\n'); // the fourth is the directory that `ls` reads
    expect(stderr).toBe('other: 1: cannot create /proc/1/fd/2: Permission denied\n');
  });

  test('that does not exist, or not inside, is refused like one outside', async () => {
    const backend = newBackend(launcher);
    const directory = scratchDir();
    const program = writeProgram(directory, 'program', '#!/bin/sh\necho ran\n');
    writeProgram(directory, 'odd', '#!/no/such/interpreter\n');
    writeProgram(directory, 'plain', 'x', 0o644);
    const start = (argv0: string, more: Partial<StartParams> = confined) => startProgram(backend, [argv0], more);
    const failed = (errno: string) => ({ code: -32603, kind: 'spawn_failed', data: { errno } });
    await expect(start('no-such-program')).rejects.toMatchObject(failed('ENOENT'));
    await expect(start(join(directory, 'odd'))).rejects.toMatchObject(failed('ENOENT'));
    await expect(start(join(directory, 'plain'))).rejects.toMatchObject(failed('EACCES'));
    await expect(start('plain', { ...confined, env: { PATH: directory } })).rejects.toMatchObject(failed('EACCES'));
    const hidden = sandbox({ ':minimal': 'read' });
    await expect(start(program, { sandbox: hidden })).rejects.toMatchObject(failed('ENOENT'));
    await expect(start('true', { sandbox: hidden, cwd: directory })).rejects.toMatchObject(failed('ENOENT'));
    expect((await record(await start(program))).stdout).toBe('ran\n');
  });

  test('leaves no descriptors and no files with the server, also when it cannot start', async () => {
    const backend = newBackend(launcher);
    await record(await startScript(backend, 'exit 0', confined));
    const before = countDescriptors();
    for (let i = 0; i < 3; i++) {
      await record(await startScript(backend, 'exit 0', i === 0 ? onTerminal : confined));
      await expect(startProgram(backend, ['no-such'], i === 0 ? onTerminal : confined)).rejects.toThrow('os error 2');
    }
    await until(() => countDescriptors() === before);
  });
});

describe.skipIf(noSandbox)('the network of a sandbox', () => {
  test("is the machine's where the profile enables it, and nobody's otherwise", async () => {
    const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    atEnd(() => void server.close());
    await until(() => server.listening);
    const { port } = server.address() as { port: number };
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && cat <&3`;
    const run = async (network: 'enabled' | 'restricted') => {
      const policy = sandbox({ ':root': 'read' }, network);
      return record(await startProgram(newBackend(undefined), ['/bin/bash', '-c', script], { sandbox: policy }));
    };
    expect(await run('enabled')).toMatchObject({ stdout: 'hello', exitCode: 0 });
    expect(await run('restricted')).toMatchObject({ stdout: '', exitCode: 1 });
  });
});

describe('a sandbox that cannot be had', () => {
  const refused = { code: -32600, kind: 'sandbox_unavailable' };

  test.each([
    ['bubblewrap is missing', ['/no/such/bwrap'], 'install the package `bubblewrap`'],
    ['bubblewrap fails', ['/bin/false'], 'bubblewrap ended with 1'],
  ])('refuses the start when %s, and nothing runs', async (_, bubblewrapPaths, why) => {
    const workspace = scratchDir();
    const backend = newBackend(undefined, { bubblewrapPaths });
    const start = startScript(backend, 'echo x > ran', {
      cwd: workspace,
      sandbox: sandbox({ ':root': 'read', [workspace]: 'write' }),
    });
    await expect(start).rejects.toMatchObject({ ...refused, message: expect.stringContaining(why) });
    expect(readdirSync(workspace)).toEqual([]);
  });

  test('is not looked for in the PATH of the child, nor needed where nothing is restricted', async () => {
    const directory = scratchDir();
    writeProgram(directory, 'bwrap', `#!/bin/sh\ntouch ${directory}/ran\n`);
    const backend = newBackend(undefined, { bubblewrapPaths: ['/no/such/bwrap'] });
    const env = { PATH: `${directory}:/usr/bin:/bin` };
    await expect(startScript(backend, 'true', { ...confined, env })).rejects.toMatchObject(refused);
    expect(existsSync(join(directory, 'ran'))).toBe(false);
    const free = await startScript(backend, 'echo free', { sandbox: { permissions: { type: 'disabled' } } });
    expect(await record(free)).toMatchObject({ stdout: 'free\n', exitCode: 0 });
  });

  test.skipIf(noSandbox)("tells bubblewrap's own words", async () => {
    const directory = scratchDir();
    const script = '#!/bin/sh\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n';
    const backend = newBackend(undefined, { bubblewrapPaths: [writeProgram(directory, 'bwrap', script)] });
    await expect(startScript(backend, 'true', confined)).rejects.toMatchObject({
      ...refused,
      message: expect.stringMatching(/No permissions to create new namespace; let users create namespaces: sysctl/),
    });
  });
});

describe.skipIf(noSandbox)('a server that is killed', () => {
  test('leaves no sandboxed process alive, and nothing of theirs on the disk', async () => {
    const temporary = scratchDir();
    const workspace = scratchDir();
    const server = await startBinary([], { env: { TMPDIR: temporary } });
    const client = await RawClient.open(server.url);
    const entries = [
      { path: { type: 'special', value: { kind: 'root' } }, access: 'read' },
      { path: { type: 'path', path: workspace }, access: 'write' },
    ];
    const permissions = { type: 'managed', file_system: { type: 'restricted', entries }, network: 'restricted' };
    const confinedTo = { permissions, cwd: workspace, windowsSandboxLevel: 'disabled' };
    const script = 'trap "" TERM HUP INT; echo x > running; while :; do sleep 0.05; done';
    for (const tty of [false, true]) {
      const params = shell(`p${tty}`, script, { tty, cwd: workspace, sandbox: confinedTo });
      expect(await client.result('process/start', params)).toMatchObject({ sandboxType: 'linuxSeccomp' });
    }
    await until(() => existsSync(join(workspace, 'running')));
    expect(existsSync(join(workspace, '.git'))).toBe(true);
    const all = descendantsOf(server.pid);
    expect(all.length).toBeGreaterThan(6);
    server.kill('SIGKILL');
    await until(() => !all.some(isAlive), { what: 'the end of all' });
    await until(() => readdirSync(temporary).length === 0, { what: 'an empty temporary directory' });
    expect(readdirSync(workspace)).toEqual(['running']);
  });
});
