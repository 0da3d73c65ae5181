import { describe, expect, test } from 'vitest';
import { scratchDirectory, startBinary, startInProcess } from '../harness/index.js';
import { execServer, MAIN } from './command-line.js';
import { runAcrossCut } from './run-across-cut.js';

test.each([
  ['a server of its own', async () => []],
  ['a server at a URL', async () => ['--url', (await startInProcess()).url]],
  ['a server that is a program', async () => ['--program', `${process.execPath} ${MAIN} serve --listen stdio`]],
])('with %s, input, output and exit code are as if the command ran here', async (_where, target) => {
  const run = execServer(['run', ...(await target()), '--', 'sh', '-c', 'cat; echo oops >&2; exit 7']);
  run.child.stdin.end('hello\n');
  const { code, stdout, stderr } = await run.ended();
  expect({ code, stdout }).toEqual({ code: 7, stdout: 'hello\n' });
  expect(stderr.split('\n').filter((line) => line === 'oops')).toHaveLength(1);
});

test('a command that is killed by a signal ends us with 128 and its number', async () => {
  const run = execServer(['run', '--', 'sh', '-c', 'kill -KILL $$']);
  expect((await run.ended()).code).toBe(137);
});

test('an interrupt is for the command', async () => {
  const run = execServer([
    'run',
    '--',
    'sh',
    '-c',
    'trap "echo heard; exit 4" INT; echo ready; while :; do sleep 0.02; done',
  ]);
  await run.says('ready');
  run.child.kill('SIGINT');
  expect(await run.ended()).toMatchObject({ code: 4, stdout: 'ready\nheard\n' });
});

test('the network may be cut in the middle: the output is complete, the exit code right, and stderr tells', async () => {
  await runAcrossCut(500);
});

test('a server that is gone for good ends it with 255 and the reason, after what had come', async () => {
  const server = await startBinary(['--session-ttl', '0.3']);
  const run = execServer(['run', '--url', server.url, '--', 'sh', '-c', 'echo before; exec sleep 60']);
  await run.says('before');
  server.kill('SIGKILL');
  const { code, stdout, stderr } = await run.ended();
  expect({ code, stdout }).toEqual({ code: 255, stdout: 'before\n' });
  expect(stderr).toMatch(/connection lost.*reconnecting/);
  expect(stderr).toMatch(/the command can no longer be followed/);
});

describe('a command line that cannot be understood is told so, with exit code 2:', () => {
  test.each([
    [['run', '--url', 'http://x', '--', 'true'], /--url: expected ws:/],
    [['run', '--url', 'ws://x', '--program', 'y', '--', 'true'], /expected one of --url, --program and --env/],
    [['run', '--detach', '--', 'true'], /--detach goes with --session/],
    [['run', '-e', 'NAME', '--', 'true'], /-e: expected NAME=VALUE, got `NAME`/],
    [['run'], /missing required argument/],
  ])('%j', async (args, expected) => {
    const { code, stderr } = await execServer(args).ended();
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
  });
});

test('a program that is not there is an error, not a run', async () => {
  const { code, stdout, stderr } = await execServer(['run', '--', '/no/such/program']).ended();
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^exec-server: .*\/no\/such\/program/m);
});

test('a command of a session is left running, listed, followed, typed into and ended by its name', async () => {
  const { url } = await startInProcess();
  const env = { XDG_STATE_HOME: scratchDirectory() };
  const script = 'while read -r line; do echo "got $line"; done; echo end; exit 5';
  const named = (command: string, ...args: string[]) => execServer([command, '--session', 'work', ...args], { env });
  const detached = named('run', '--url', url, '--name', 'job', '--detach', '--', 'sh', '-c', script);
  expect(await detached.ended()).toMatchObject({ code: 0, stdout: 'job\n' });
  expect((await named('ps').ended()).stdout).toMatch(/job.*running/);
  const attached = named('attach', 'job');
  attached.child.stdin.write('one\n');
  await attached.says('got one');
  attached.child.stdin.end('two\n');
  expect(await attached.ended()).toMatchObject({ code: 5, stdout: 'got one\ngot two\nend\n' });
  const sleeping = named('run', '--name', 'sleeper', '--detach', '--', 'sleep', '60');
  expect((await sleeping.ended()).code).toBe(0);
  expect((await named('kill', 'sleeper').ended()).code).toBe(0);
  expect((await named('ps').ended()).stdout).not.toMatch(/sleeper.*running/);
});
