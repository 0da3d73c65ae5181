import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { ExecServerClient, processId, text, wait } from '../../src/client/index.js';
import { EnvironmentManager } from '../../src/environment/index.js';
import type { StartParams } from '../../src/process/types.js';
import { atEnd, childrenOf, isAlive, scratchDirectory, until } from '../harness/index.js';
import { execServer, MAIN, numbers } from './command-line.js';
import { startSshd, whyNoSshd } from './local-sshd.js';

const SERVE = `${process.execPath} ${MAIN} serve --listen stdio --log-level warn`;

beforeEach((context) => {
  context.skip(whyNoSshd !== undefined, whyNoSshd);
});

const script = (command: string, more: Partial<StartParams> = {}): StartParams => ({
  processId: processId('p'),
  argv: ['sh', '-c', command],
  cwd: '/',
  env: { PATH: '/usr/bin:/bin' },
  tty: false,
  ...more,
});

/** The `ssh` that we have started, rather than one that a command of the test runs. */
function sshOf(parent: number): number {
  const [pid, ...others] = childrenOf(parent).filter((child) => nameOf(child) === 'ssh');
  if (pid === undefined || others.length > 0) throw new Error('expected one ssh among the children');
  return pid;
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

test('a client reaches a server through ssh: input, output, a terminal, files', async () => {
  const { sshArgs } = await startSshd();
  const client = await ExecServerClient.connect({ program: 'ssh', args: sshArgs(SERVE) });
  atEnd(() => client.close());
  const process = await client.processes.start(script('cat; seq 1 20000; exit 3', { pipeStdin: true }));
  await process.write(Buffer.from('hello\n'));
  await process.closeStdin();
  expect(await text(process)).toMatchObject({ stdout: `hello\n${numbers(20_000)}`, exitCode: 3, incomplete: false });
  const terminal = await client.processes.start(
    script('stty size', { processId: processId('q'), tty: true, size: { cols: 91, rows: 17 } }),
  );
  expect(await text(terminal)).toMatchObject({ pty: '17 91\r\n', exitCode: 0 });
  expect((await client.files.readFile('/proc/self/cmdline')).toString()).toContain('serve');
});

test('when its ssh is killed, everything fails as closed, and what ran at the other end is ended', async () => {
  const { sshArgs } = await startSshd();
  const client = await ExecServerClient.connect({ program: 'ssh', args: sshArgs(SERVE) });
  atEnd(() => client.close());
  const sleeper = await client.processes.start(script('echo $$; exec sleep 1000'));
  let pid = 0;
  for await (const event of sleeper.events()) {
    if (event.type !== 'output') continue;
    pid = Number(event.chunk.toString());
    break;
  }
  expect(isAlive(pid)).toBe(true);
  const pending = client.call('process/read', { processId: 'p', afterSeq: 1, waitMs: 60_000 });
  process.kill(sshOf(process.pid), 'SIGKILL');
  await expect(pending).rejects.toMatchObject({ code: 'connection_closed', mayHaveExecuted: true });
  await expect(pending).rejects.toThrow(/the program was killed by SIGKILL/);
  await expect(wait(sleeper)).rejects.toMatchObject({ code: 'connection_closed' });
  await until(() => !isAlive(pid));
});

test('an environment of environments.toml is reached through ssh, and anew after its ssh was killed', async () => {
  const { sshArgs } = await startSshd();
  const file = join(scratchDirectory(), 'environments.toml');
  const toml = ['default = "far"', '[[environments]]', 'id = "far"', 'program = "ssh"'];
  writeFileSync(file, [...toml, `args = ${JSON.stringify(sshArgs(SERVE))}`, ''].join('\n'));
  const manager = await EnvironmentManager.fromEnvironment({ environmentsFile: file });
  atEnd(() => manager.close());
  const { processes } = manager.default;
  const running = await processes.start(script('sleep 1000'));
  process.kill(sshOf(process.pid), 'SIGKILL');
  await expect(wait(running)).rejects.toMatchObject({ code: 'connection_closed' });
  expect(manager.default.status()).toMatchObject({ status: 'disconnected', reason: /killed by SIGKILL/ });
  expect(await text(await processes.start(script('echo again; exit 6')))).toMatchObject({
    stdout: 'again\n',
    exitCode: 6,
  });
});

test('from the command line the output is complete and the exit code right', async () => {
  const { sshArgs } = await startSshd();
  const program = ['ssh', ...sshArgs(SERVE)].map((arg) => `'${arg}'`).join(' ');
  const run = execServer(['run', '--program', program, '--', 'sh', '-c', 'cat; seq 1 200000; exit 42']);
  run.child.stdin.end('from here\n');
  const { code, stdout, stderr } = await run.ended();
  expect({ code, stderr }).toEqual({ code: 42, stderr: '' });
  expect(stdout === `from here\n${numbers(200_000)}`).toBe(true); // not toEqual: the difference would be megabytes
});

test('from the command line, an ssh that is killed ends it with 255, its output so far, and the reason', async () => {
  const { sshArgs } = await startSshd();
  const program = ['ssh', ...sshArgs(SERVE)].map((arg) => `'${arg}'`).join(' ');
  const run = execServer(['run', '--program', program, '--', 'sh', '-c', 'echo before; exec sleep 1000']);
  await run.says('before');
  process.kill(sshOf(run.child.pid ?? 0), 'SIGKILL');
  const { code, stdout, stderr } = await run.ended();
  expect({ code, stdout }).toEqual({ code: 255, stdout: 'before\n' });
  expect(stderr).toMatch(/the program was killed by SIGKILL/);
});
