import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LocalBackend } from '../../src/process/local/local-backend.js';
import { execServer } from '../cli/command-line.js';
import { atEnd, childrenOf, isAlive, scratchDirectory, startInProcess, until } from '../harness/index.js';
import { noSandbox } from '../processes/sandboxes.js';
import { patch, startHost, TOOLS } from './mcp-host.js';

const OPEN = ['--permissions', 'danger-full-access'];
const LONG = 20_000;

const here = async (): Promise<string[]> => [];
const there = async (): Promise<string[]> => ['--url', (await startInProcess()).url];

/** A workspace with something outside that is not below the temporary directory, which the workspace mode lets be written. */
function workspace(): { cwd: string; outside: string } {
  const cwd = realpathSync(scratchDirectory());
  writeFileSync(join(cwd, 'f'), 'one\ntwo\n');
  const outside = join(homedir(), `.exec-server-test-${process.pid}-${Date.now()}`);
  atEnd(() => rmSync(outside, { force: true }));
  return { cwd, outside };
}

describe.each([
  ['on this machine', here],
  ['through a server', there],
])('%s', (_, where) => {
  test('every tool does its work', async () => {
    const { cwd } = workspace();
    const { client, call } = await startHost('--cwd', cwd, ...OPEN, ...(await where()));
    expect(client.getInstructions()).toContain(cwd);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(TOOLS);
    const run = await call('exec_command', { cmd: 'pwd; exit 3', login: false });
    expect(run).toMatchObject({ isError: false, structured: { exit_code: 3, output: `${cwd}\n` } });
    expect(run.text).toMatch(/^Chunk ID: .*\nProcess exited with code 3\n/s);

    const cat = await call('exec_command', { cmd: 'exec cat', login: false, tty: true, yield_time_ms: 300 });
    const session_id = cat.structured?.session_id;
    const typed = await call('write_stdin', { session_id, chars: 'hi\n\u0004', yield_time_ms: LONG });
    expect(typed).toMatchObject({ structured: { exit_code: 0, output: 'hi\r\nhi\r\n' } });

    expect(await call('read_file', { path: 'f' })).toMatchObject({ isError: false, text: '     1\tone\n     2\ttwo' });
    expect(await call('write_file', { path: 'a/n', content: 'x\n' })).toMatchObject({
      text: `Created ${cwd}/a/n (2 bytes)`,
      structured: { path: `${cwd}/a/n`, bytes: 2, created: true },
    });
    expect(await call('list_directory', { depth: 2 })).toMatchObject({
      text: `${cwd}:\na/\na/n (2 bytes)\nf (8 bytes)`,
      structured: { truncated: false },
    });
    expect(await call('apply_patch', patch('f', 'two', '2'))).toMatchObject({
      text: 'Success. Updated the following files:\nM f\n',
      structured: { added: [], modified: ['f'], deleted: [] },
    });
    expect(readFileSync(join(cwd, 'f'), 'utf8')).toBe('one\n2\n');
  });

  test.skipIf(noSandbox)('a workspace may be written, and nothing outside of it, by any tool', async () => {
    const { cwd, outside } = workspace();
    const { call } = await startHost('--cwd', cwd, ...(await where()));
    const denied = { isError: true, text: expect.stringMatching(/sandbox.*(work in|Nothing was changed)/s) };
    expect(await call('write_file', { path: outside, content: 'x' })).toMatchObject(denied);
    expect(
      await call('apply_patch', { input: `*** Begin Patch\n*** Add File: ${outside}\n+x\n*** End Patch` }),
    ).toMatchObject(denied);
    expect(await call('write_file', { path: '.git/config', content: 'x' })).toMatchObject({ isError: true });
    const ran = await call('exec_command', { cmd: `echo x > own; echo x > ${outside}`, login: false });
    expect(ran.structured).toMatchObject({ exit_code: 1, output: expect.stringContaining('Read-only file system') });
    expect(existsSync(outside)).toBe(false);
    expect(readFileSync(join(cwd, 'own'), 'utf8')).toBe('x\n');
    expect(await call('read_file', { path: '/etc/passwd', limit: 1 })).toMatchObject({ isError: false });
  });

  test.skipIf(noSandbox)('with read-only nothing can be written, and there is no network', async () => {
    const { cwd } = workspace();
    const { call } = await startHost('--cwd', cwd, '--permissions', 'read-only', ...(await where()));
    expect(await call('read_file', { path: 'f' })).toMatchObject({ isError: false });
    expect(await call('write_file', { path: 'f', content: 'x' })).toMatchObject({ isError: true });
    expect(await call('apply_patch', patch('f', 'two', '2'))).toMatchObject({ isError: true });
    const { structured } = await call('exec_command', { cmd: 'echo x > f; cat /proc/net/dev', login: false });
    expect(structured?.output).toContain('Read-only file system');
    expect(String(structured?.output).match(/^ *\w+:/gm)).toEqual(['    lo:']);
    expect(readFileSync(join(cwd, 'f'), 'utf8')).toBe('one\ntwo\n');
  });

  test.skipIf(noSandbox)('a profile from a file holds for each tool', async () => {
    const { cwd } = workspace();
    mkdirSync(join(cwd, 'secret'));
    writeFileSync(join(cwd, 'secret/key'), 'very secret\n');
    const entries = [
      { path: { type: 'special', value: { kind: 'root' } }, access: 'read' },
      { path: { type: 'special', value: { kind: 'project_roots' } }, access: 'write' },
      { path: { type: 'path', path: join(cwd, 'secret') }, access: 'none' },
    ];
    const profile = join(scratchDirectory(), 'profile.json');
    const file_system = { type: 'restricted', entries };
    writeFileSync(profile, JSON.stringify({ type: 'managed', file_system, network: 'restricted' }));
    const { call } = await startHost('--cwd', cwd, '--permissions', profile, ...(await where()));
    const answers = [
      await call('read_file', { path: 'secret/key' }),
      await call('list_directory', { path: 'secret' }),
      await call('write_file', { path: 'secret/n', content: 'x' }),
      await call('apply_patch', patch('secret/key', 'very secret', 'x')),
    ];
    expect(answers.map(({ isError }) => isError)).toEqual([true, true, true, true]);
    const ran = await call('exec_command', { cmd: 'cat secret/key; ls secret; echo x > n', login: false });
    expect(JSON.stringify([answers, ran])).not.toContain('very secret\\n');
    expect(ran.structured?.output).toContain('ermission denied');
    expect(existsSync(join(cwd, 'n'))).toBe(true);
  });
});

test('what fails reaches the model with what to do', async () => {
  const { cwd } = workspace();
  const { call } = await startHost('--cwd', cwd, ...OPEN);
  const failed = (text: string | RegExp) => ({
    isError: true,
    text: typeof text === 'string' ? text : expect.stringMatching(text),
  });
  expect(await call('write_stdin', { session_id: 7 })).toMatchObject(
    failed('write_stdin failed: Unknown process id 7: use a session ID that exec_command returned'),
  );
  expect(await call('exec_command', { cmd: 'x', workdir: '/none' })).toMatchObject(
    failed(/^exec_command failed: `x` with the shell .* in \/none could not be started: .*correct the call/),
  );
  expect(await call('read_file', { path: 'none' })).toMatchObject(
    failed(/^read_file failed: No such file .*none\. Check the path, with list_directory: relative paths begin at/),
  );
  expect(await call('read_file', { path: 'file://host/f' })).toMatchObject(failed(/names the host `host`/));
  expect(await call('apply_patch', patch('f', 'three', '3'))).toMatchObject(
    failed(/^apply_patch failed: Failed to find expected lines in .*Nothing was changed\.$/s),
  );
  expect(await call('exec_command', {})).toMatchObject(failed(/cmd: .*expected string/));
  expect(await call('read_file', { path: 'f', offset: 0 })).toMatchObject(failed(/offset: .*>=1/));
});

test('a call that is cancelled leaves its command running; the end of the host ends it', async () => {
  const { cwd } = workspace();
  const { client, call, pid } = await startHost('--cwd', cwd, ...OPEN);
  const turn = new AbortController();
  const cmd = 'echo $$ > pid.tmp; mv pid.tmp pid; exec sleep 1000';
  const cancelled = call('exec_command', { cmd, login: false, yield_time_ms: LONG }, { signal: turn.signal });
  await until(() => existsSync(join(cwd, 'pid')));
  turn.abort();
  await expect(cancelled).rejects.toThrow();
  const sleeper = Number(readFileSync(join(cwd, 'pid'), 'utf8'));
  // An answer to a later call: the cancellation has arrived before it.
  expect(await call('read_file', { path: 'f' })).toMatchObject({ isError: false });
  expect(isAlive(sleeper)).toBe(true);
  await client.close();
  await until(() => !isAlive(sleeper) && !isAlive(pid), { timeoutMs: 10_000 });
});

test('a poll that is cancelled ends at once: the next call has its turn', async () => {
  const { cwd } = workspace();
  const { call } = await startHost('--cwd', cwd, ...OPEN);
  const cat = await call('exec_command', { cmd: 'exec cat', login: false, tty: true, yield_time_ms: 300 });
  const session_id = cat.structured?.session_id;
  const turn = new AbortController();
  const polling = call('write_stdin', { session_id, yield_time_ms: 300_000 }, { signal: turn.signal });
  // An answer to a later call: the poll has begun before it.
  await call('read_file', { path: 'f' });
  turn.abort();
  await expect(polling).rejects.toThrow();
  const left = await call('write_stdin', { session_id, chars: '\u0004', yield_time_ms: LONG });
  expect(left.structured).toMatchObject({ exit_code: 0 });
});

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

test('at the end of stdin everything ends, with 0, and stdout has held nothing but the protocol', async () => {
  const { cwd } = workspace();
  const server = execServer(['mcp', 'serve', '--cwd', cwd, ...OPEN]);
  const send = (message: object) => server.child.stdin.write(`${JSON.stringify(message)}\n`);
  send(INITIALIZE);
  await server.says('"id":1');
  send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  const cmd = 'echo PID $$; exec sleep 1000';
  const params = { name: 'exec_command', arguments: { cmd, login: false, yield_time_ms: 250 } };
  send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params });
  await server.says('"id":2');
  const pid = Number(/PID (\d+)/.exec(server.stdout())?.[1]);
  expect(isAlive(pid)).toBe(true);
  server.child.stdin.end();
  const { code, stdout, stderr } = await server.ended();
  expect([code, stderr]).toEqual([0, '']);
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).id),
  ).toEqual([1, 2]);
  expect(isAlive(pid)).toBe(false);
});

test('a signal ends it with 0', async () => {
  const { cwd } = workspace();
  const server = execServer(['mcp', 'serve', '--cwd', cwd, ...OPEN]);
  server.child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
  await server.says('"id":1');
  server.child.kill('SIGTERM');
  expect(await server.ended()).toMatchObject({ code: 0, stderr: '' });
});

test('when the server behind it is gone for good it ends with 1, and says why', async () => {
  const { cwd } = workspace();
  const server = execServer(['mcp', 'serve', '--cwd', cwd, ...OPEN]);
  server.child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
  await server.says('"id":1');
  for (const pid of childrenOf(server.child.pid)) process.kill(pid, 'SIGKILL');
  const { code, stderr } = await server.ended();
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^exec-server: .*(ended|closed|lost)/)]);
});

test('a sandbox that cannot be had is found out at the start, and nothing is served without it', async () => {
  const processes = new LocalBackend({ bubblewrapPaths: ['/nowhere/bwrap'] });
  atEnd(() => processes.close());
  const { url } = await startInProcess({ processes });
  const { cwd } = workspace();
  const { code, stdout, stderr } = await execServer(['mcp', 'serve', '--url', url, '--cwd', cwd]).ended();
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain('commands cannot be confined to these permissions: ');
  expect(stderr).toContain('bubblewrap');
  const { call } = await startHost('--url', url, '--cwd', cwd, ...OPEN);
  expect(await call('exec_command', { cmd: 'echo hi', login: false })).toMatchObject({ structured: { exit_code: 0 } });
});

test.each([
  [['--url', 'ws://127.0.0.1:1'], '--cwd: expected the absolute path of a directory there'],
  [
    ['--url', 'ws://127.0.0.1:1', '--cwd', 'rel'],
    '--cwd: expected an absolute path, as the directory is elsewhere, got `rel`',
  ],
  [['--cwd', '/'], '--cwd: with `/` for the workspace everything could be written'],
  [
    ['--permissions', 'all'],
    '--permissions: expected `read-only`, `workspace-write`, `danger-full-access`, or a JSON file',
  ],
])('%j is refused as a command line', async (args, message) => {
  const { code, stdout, stderr } = await execServer(['mcp', 'serve', ...args]).ended();
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

test('a workspace that is none, and a profile that is none, are refused', async () => {
  const { cwd } = workspace();
  const start = (...args: string[]) => execServer(['mcp', 'serve', ...args]).ended();
  expect(await start('--cwd', join(cwd, 'none'), ...OPEN)).toMatchObject({ code: 1, stdout: '' });
  const file = await start('--cwd', join(cwd, 'f'), ...OPEN);
  expect([file.code, file.stderr]).toEqual([1, `exec-server: --cwd: ${cwd}/f is not a directory\n`]);
  writeFileSync(join(cwd, 'profile.json'), '{"type": "some"}');
  const profile = await start('--cwd', cwd, '--permissions', join(cwd, 'profile.json'));
  expect([profile.code, profile.stderr]).toEqual([2, expect.stringContaining('expected one of "managed"')]);
});
