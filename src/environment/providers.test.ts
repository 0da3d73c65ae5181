import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { EnvironmentManager } from './environment-manager.js';
import { NoDefaultEnvironmentError, UnknownEnvironmentError } from './errors.js';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'environments-'));
  onTestFinished(() => rm(home, { recursive: true }));
});

async function manager(env: NodeJS.ProcessEnv, environmentsFile?: string): Promise<EnvironmentManager> {
  const made = await EnvironmentManager.fromEnvironment({ env: { HOME: home, ...env }, environmentsFile });
  onTestFinished(() => made.close());
  return made;
}

const ids = (made: EnvironmentManager) => made.list().map(({ id }) => id);

const file = (id: string) => `default = "${id}"\n[[environments]]\nid = "${id}"\nurl = "ws://127.0.0.1:1"\n`;

test.each([[undefined], [''], [' \t ']])('CODEX_EXEC_SERVER_URL=%j: this machine only', async (url) => {
  const made = await manager({ CODEX_EXEC_SERVER_URL: url });
  expect(ids(made)).toEqual(['local']);
  expect(made.default).toBe(made.local);
  expect(made.get('local')).toBe(made.local);
});

test.each([
  'none',
  'NONE',
  ' None ',
])('CODEX_EXEC_SERVER_URL=%j: no access, but this machine is there for ourselves', async (url) => {
  const made = await manager({ CODEX_EXEC_SERVER_URL: url });
  expect(() => made.default).toThrow(NoDefaultEnvironmentError);
  expect(made.defaultId).toBeUndefined();
  expect(ids(made)).toEqual([]);
  expect(() => made.get('local')).toThrow(UnknownEnvironmentError);
  expect(await made.local.files.readDirectory(home)).toEqual([]);
});

test('any other CODEX_EXEC_SERVER_URL is the default, and `local` can be asked for', async () => {
  const made = await manager({ CODEX_EXEC_SERVER_URL: ' ws://127.0.0.1:1 ' });
  expect(made.defaultId).toBe('remote');
  expect(made.default).toBe(made.get('remote'));
  expect(made.default.description).toBe('ws://127.0.0.1:1');
  expect(made.get('local')).toBe(made.local);
  expect(ids(made)).toEqual(['remote', 'local']);
});

test('a CODEX_EXEC_SERVER_URL that is none is refused, and not quoted', async () => {
  await expect(manager({ CODEX_EXEC_SERVER_URL: 'http://a/?token=s3cret' })).rejects.toThrow(
    /^CODEX_EXEC_SERVER_URL: expected `ws:\/\/HOST:PORT`, `wss:\/\/…` or `unix:\/\/\/path`$/,
  );
});

test('a file in CODEX_HOME goes before CODEX_EXEC_SERVER_URL and before the one in ~/.config', async () => {
  await writeFile(join(home, 'environments.toml'), file('of-codex'));
  await mkdir(join(home, '.config/exec-server'), { recursive: true });
  await writeFile(join(home, '.config/exec-server/environments.toml'), file('of-config'));
  const env = { CODEX_EXEC_SERVER_URL: 'ws://127.0.0.1:2' };
  expect(ids(await manager({ ...env, CODEX_HOME: home }))).toEqual(['of-codex', 'local']);
  expect(ids(await manager(env))).toEqual(['of-config', 'local']);
  expect(ids(await manager({ ...env, CODEX_HOME: '' }))).toEqual(['of-config', 'local']);
});

test('without a file in CODEX_HOME, CODEX_EXEC_SERVER_URL counts, not the file in ~/.config', async () => {
  await mkdir(join(home, '.config/exec-server'), { recursive: true });
  await writeFile(join(home, '.config/exec-server/environments.toml'), file('of-config'));
  const made = await manager({ CODEX_HOME: join(home, 'codex'), CODEX_EXEC_SERVER_URL: 'ws://127.0.0.1:2' });
  expect(ids(made)).toEqual(['remote', 'local']);
});

test('a file that is named goes before all, relative to the working directory', async () => {
  await writeFile(join(home, 'environments.toml'), file('of-codex'));
  await writeFile(join(home, 'mine.toml'), file('mine'));
  const named = relative(process.cwd(), join(home, 'mine.toml'));
  expect(ids(await manager({ CODEX_HOME: home }, named))).toEqual(['mine', 'local']);
});

test('a file that is named must be there', async () => {
  await expect(manager({}, join(home, 'mine.toml'))).rejects.toThrow(`${home}/mine.toml: there is no such file`);
});

test('a file that cannot be read is an error, not a missing file', async () => {
  await mkdir(join(home, 'environments.toml'));
  await expect(manager({ CODEX_HOME: home })).rejects.toThrow(/environments\.toml: cannot be read: EISDIR/);
  await writeFile(join(home, 'latin1.toml'), Buffer.from('default = "\xe4"', 'latin1'));
  await expect(manager({}, join(home, 'latin1.toml'))).rejects.toThrow(`${home}/latin1.toml: is not UTF-8`);
});

test('errors in the file name it, the line and the key', async () => {
  await writeFile(join(home, 'environments.toml'), '\ndefault = "b"\n');
  await expect(manager({ CODEX_HOME: home })).rejects.toMatchObject({
    message: `${home}/environments.toml:2: \`default\`: there is no such environment: expected one of \`local\`, \`none\``,
    line: 2,
    key: 'default',
  });
});
