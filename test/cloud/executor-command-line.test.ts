import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type CommandLine, execServer } from '../cli/command-line.js';
import { type RawClient, scratchDirectory, shell, startInProcess, until } from '../harness/index.js';
import { RegistryDouble, SIGNATURE } from './registry-double.js';

const VARIABLE = 'CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN';

/** No credentials but those that are given. */
function serve(args: readonly string[], env: NodeJS.ProcessEnv = {}): CommandLine {
  const none = { [VARIABLE]: '', CODEX_API_KEY: '', CODEX_HOME: scratchDirectory() };
  return execServer(['serve', ...args], { env: { ...none, ...env } });
}

function cloudFlags({ baseUrl }: { baseUrl: string }): string[] {
  return ['--cloud', '--cloud-base-url', baseUrl, '--cloud-environment-id', 'ex-1'];
}

async function outputOf(client: RawClient, script: string): Promise<string> {
  await client.initialize();
  const done = client.collect('p');
  await client.result('process/start', shell('p', script));
  return (await done).stdout;
}

/** Ends it as an operator does. */
async function expectCleanEnd(executor: CommandLine, double: RegistryDouble): Promise<void> {
  executor.child.kill('SIGTERM');
  const { code, stderr } = await executor.ended();
  expect(code).toBe(0);
  expect(stderr).not.toContain(SIGNATURE);
  expect(stderr).not.toContain(double.token);
}

test('it registers, serves, and ends cleanly; commands do not inherit the token', async () => {
  const double = await RegistryDouble.start({ name: 'box', labels: { zone: 'a', rack: 'b=c' } });
  const labels = ['--cloud-name', 'box', '--cloud-label', 'zone=a', '--cloud-label', 'rack=b=c'];
  const executor = serve([...cloudFlags(double), ...labels], { [VARIABLE]: double.token });
  const client = await double.accept();
  expect(await outputOf(client, `echo "token: \${${VARIABLE}-none}"`)).toBe('token: none\n');
  await expectCleanEnd(executor, double);
  expect(await client.closed).toMatchObject({ code: 1001 });
  expect(executor.stdout()).toBe('');
  const lines = executor
    .stderr()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const registered = lines.find(({ msg }) => msg === 'registered with the cloud');
  expect(registered).toMatchObject({ environmentId: 'ex-1', registrationId: 'reg-1', contract: 'executor' });
});

test('with the flags of the real executors, and the token on stdin', async () => {
  const double = await RegistryDouble.start({ contract: 'direct' });
  const flags = [
    '--remote',
    double.baseUrl,
    '--environment-id',
    'ex-1',
    '--name',
    'box',
    '--remote-transport',
    'direct',
  ];
  const executor = serve([...flags, '--registration-bearer-stdin', '--log-level', 'debug']);
  executor.child.stdin.write(`${double.token}\n`); // and stays open
  expect(await outputOf(await double.accept(), 'echo there')).toBe('there\n');
  expect(double.requests).toBe(1);
  await expectCleanEnd(executor, double);
});

test('with --listen it listens as well', async () => {
  const double = await RegistryDouble.start();
  const executor = serve([...cloudFlags(double), '--listen', 'ws://127.0.0.1:0'], { [VARIABLE]: double.token });
  await executor.says('ws://127.0.0.1:');
  await (await double.accept()).initialize();
  await expectCleanEnd(executor, double);
});

test('an environment is served into the cloud as this machine is', async () => {
  const double = await RegistryDouble.start();
  const { url, server } = await startInProcess();
  const file = join(scratchDirectory(), 'environments.toml');
  writeFileSync(file, `[[environments]]\nid = "box"\nurl = "${url}"\n`);
  const token = join(scratchDirectory(), 'token');
  writeFileSync(token, double.token);
  const flags = ['--env', 'box', '--environments', file, '--registration-bearer-file', token];
  const executor = serve([...cloudFlags(double), ...flags]);
  expect(await outputOf(await double.accept(), 'echo there')).toBe('there\n');
  expect(server.sessionCount).toBe(1);
  await expectCleanEnd(executor, double);
});

test('a sign-in with ChatGPT is shown to a registry on loopback, with its account', async () => {
  const home = scratchDirectory();
  const tokens = { id_token: 'i', access_token: 'token-5ecret', refresh_token: 'r', account_id: 'acct-1' };
  writeFileSync(join(home, 'auth.json'), JSON.stringify({ auth_mode: 'chatgpt', OPENAI_API_KEY: null, tokens }));
  const double = await RegistryDouble.start({ headers: { 'chatgpt-account-id': 'acct-1' } });
  const executor = serve(cloudFlags(double), { CODEX_HOME: home });
  await (await double.accept()).initialize();
  await expectCleanEnd(executor, double);
});

test('without credentials it says which there could be, and ends with 1', async () => {
  const double = await RegistryDouble.start();
  const { code, stderr } = await serve(cloudFlags(double)).ended();
  expect(code).toBe(1);
  for (const way of ['--registration-bearer-stdin', VARIABLE, 'CODEX_API_KEY', 'auth.json'])
    expect(stderr).toContain(way);
  expect(double.requests).toBe(0);
});

test('a registration that is refused for good ends it with 1, its processes and its listener', async () => {
  const double = await RegistryDouble.start();
  const executor = serve([...cloudFlags(double), '--listen', 'ws://127.0.0.1:0'], { [VARIABLE]: double.token });
  const client = await double.accept();
  await client.initialize();
  await client.result('process/start', shell('p', 'echo $$; exec sleep 600'));
  const { params } = await client.waitFor(({ method }) => method === 'process/output');
  const pid = Number(Buffer.from(String(params?.chunk), 'base64').toString());
  double.dialRefusals.push(401);
  double.refusals.push({ status: 400, body: { error: { code: 'invalid_request', message: 'no such executor' } } });
  client.cut();
  const { code, stderr } = await executor.ended();
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^exec-server: cannot register with the cloud: .*HTTP 400: invalid_request: no such executor$/m,
  );
  await until(() => !isRunning(pid), { what: 'the end of its process' });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test.each([
  [['--cloud'], /expected --cloud-base-url/],
  [
    ['--remote', 'http://127.0.0.1:1', '--executor-id', 'x', '--registration-bearer-stdin', '--listen', 'stdio'],
    /stdin belongs to --listen stdio/,
  ],
])('a command line that cannot be understood ends it with 2: %j', async (args, expected) => {
  const { code, stderr } = await serve(args).ended();
  expect(stderr).toMatch(expected);
  expect(code).toBe(2);
});
