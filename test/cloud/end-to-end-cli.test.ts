import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { execServer } from '../cli/command-line.js';
import { scratchDirectory, startInProcess } from '../harness/index.js';
import { connected, refuse, ScriptedRegistry } from './scripted-registry.js';

const TOKEN = 'sk-very-secret-0123456789';

/** A registry that knows `box`, and commands of a user who has its token and nothing else. */
async function open() {
  const server = await startInProcess();
  const registry = await ScriptedRegistry.listen();
  registry.answer = () => connected('box', server.url);
  const home = scratchDirectory();
  const env = {
    CODEX_HOME: home,
    XDG_STATE_HOME: home,
    CODEX_EXEC_SERVER_URL: '',
    EXEC_SERVER_REGISTRY: '',
    EXEC_SERVER_REGISTRY_TOKEN: TOKEN,
  };
  const command = (args: readonly string[], more: NodeJS.ProcessEnv = {}) =>
    execServer(args, { env: { ...env, ...more } });
  const run = (args: readonly string[], more?: NodeJS.ProcessEnv) => command(args, more).ended();
  return { registry, home, command, run, box: ['--registry', registry.url, '--env', 'box'] };
}

const listed = {
  environment_id: 'box',
  name: 'a \u001b[31mbox',
  labels: { zone: 'eu', gpu: '' },
  status: 'offline',
  last_seen_at: '2026-01-01T00:00:00Z',
  harnesses: 0,
  max_harnesses: 1,
};

test('env list shows what has registered, and executors cannot write to the terminal', async () => {
  const { registry, run } = await open();
  registry.answer = () => ({
    body: {
      environments: [listed, { ...listed, environment_id: 'b', name: null, status: 'online', max_harnesses: null }],
    },
  });
  const { code, stdout, stderr } = await run(['env', 'list', '--registry', registry.url]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.replaceAll(/ +/g, ' ')).toBe(
    'ID NAME STATUS LAST SEEN HARNESSES LABELS\n' +
      'box a ?[31mbox offline 2026-01-01T00:00:00Z 0/1 zone=eu gpu=\n' +
      'b - online now 0 zone=eu gpu=\n',
  );
  expect(registry.seen[0]).toMatchObject({ authorization: `Bearer ${TOKEN}`, path: '/cloud/environments' });
  const json = await run(['env', 'list', '--registry', '--json'], { EXEC_SERVER_REGISTRY: registry.url });
  expect(JSON.parse(json.stdout)).toMatchObject([listed, { environment_id: 'b' }]);
});

test('a command runs in an environment of a registry, with its output and its exit code', async () => {
  const { registry, home, run, box } = await open();
  const tokenFile = join(home, 'token');
  writeFileSync(tokenFile, 'of-a-file\n');
  const args = ['run', ...box, '--registry-token-file', tokenFile, '--', 'sh', '-c', 'echo here; exit 7'];
  expect(await run(args)).toEqual({ code: 7, stdout: 'here\n', stderr: '' });
  expect(registry.seen[0]).toMatchObject({
    authorization: 'Bearer of-a-file',
    path: '/cloud/environment/box/connect',
  });
});

test('EXEC_SERVER_REGISTRY is asked for what is not configured', async () => {
  const { registry, home, run } = await open();
  const preset = { EXEC_SERVER_REGISTRY: registry.url, MINE: 'of-another-variable' };
  const args = ['run', '--env', 'box', '--registry-token-env', 'MINE', '--', 'echo', 'there'];
  expect(await run(args, preset)).toMatchObject({ code: 0, stdout: 'there\n' });
  expect(registry.seen[0]).toMatchObject({ authorization: 'Bearer of-another-variable' });
  expect(await run(['run', '--env', 'local', '--', 'echo', 'here'], preset)).toMatchObject({ stdout: 'here\n' });
  writeFileSync(join(home, 'environments.toml'), '[[environments]]\nid = "box"\nprogram = "/nowhere/at/all"\n');
  expect((await run(['run', '--env', 'box', '--', 'true'], preset)).stderr).toContain('/nowhere/at/all');
  expect(registry.seen).toHaveLength(1);
});

test('an environment that is offline is waited for; then it is told, as something to try again', async () => {
  const { registry, run, box } = await open();
  registry.answer = () => refuse(503, 'environment_offline', 'box was last seen at noon');
  const { code, stdout, stderr } = await run(['run', ...box, '--connect-timeout', '1.5', '--', 'true']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^exec-server: environment `box`: .*last seen at noon; it may come back: try again later\n$/);
});

test.each([
  [refuse(404, 'unknown_environment', 'nobody of that name'), /no executor has registered under this id: check it/],
  [refuse(403, 'forbidden', 'not yours'), /connect with a token for this environment that has not expired/],
])('%j is final, and no secret is said', async (answer, reason) => {
  const { registry, run, box } = await open();
  registry.answer = () => answer;
  const { code, stderr } = await run(['run', ...box, '--connect-timeout', '3600', '--', 'true']);
  expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(reason) });
  expect(stderr).not.toContain(TOKEN);
});

test.each([
  [['run', '--registry', 'http://127.0.0.1:1', '--', 'true'], '--registry goes with --env'],
  [['run', '--registry', 'http://192.0.2.1', '--env', 'a', '--', 'true'], 'must be https'],
  [['run', '--registry', 'http://127.0.0.1:1', '--env', 'a', '--environments', 'f', '--', 'true'], 'got both'],
  [
    ['run', '--registry', 'http://127.0.0.1:1', '--env', 'a', '--registry-token-env', 'NO_SUCH', '--', 'true'],
    'NO_SUCH',
  ],
  [
    ['run', '--registry', 'http://127.0.0.1:1', '--env', 'a', '--registry-token-file', '/nowhere', '--', 'true'],
    'ENOENT',
  ],
  [['run', '--url', 'ws://127.0.0.1:1', '--connect-timeout', 'soon', '--', 'true'], '--connect-timeout: expected'],
  [['attach', '--session', 'x', '--env', 'a', 'p'], '--env goes with --registry'],
  [['env', 'list', '--registry'], 'EXEC_SERVER_REGISTRY'],
  [['env', 'list', '--json'], 'go with --registry'],
])('%j cannot be understood', async (args, why) => {
  const { run } = await open();
  expect(await run(args)).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(why) });
});

test('a session behind a registry is come back to by its name', async () => {
  const { registry, command, run, box } = await open();
  const started = await run(['run', ...box, '--session', 'work', '--name', 'job', '--detach', '--', 'cat']);
  expect(started).toEqual({ code: 0, stdout: 'job\n', stderr: '' });
  expect((await run(['ps', '--session', 'work'])).stdout).toMatch(/^job +\d+ +running +cat$/m);
  const attached = command(['attach', '--session', 'work', 'job']);
  attached.child.stdin.end('as typed\n');
  expect(await attached.ended()).toMatchObject({ code: 0, stdout: 'as typed\n' });
  expect(registry.seen).toHaveLength(3);
  expect((await run(['ps', '--session', 'work', '--url', 'ws://127.0.0.1:1'])).code).toBe(1);
});
