import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { connected, refuse, ScriptedRegistry } from '../../test/cloud/scripted-registry.js';
import { atEnd, scratchDirectory, startInProcess } from '../../test/harness/index.js';
import { EnvironmentManager, parseEnvironmentsToml, registryEnvironments } from './index.js';
import type { RegistryEnvironmentSpec } from './spec.js';

const TOKEN = 'sk-very-secret-0123456789';

const parse = (keys: string) =>
  parseEnvironmentsToml(`[[environments]]\nid = "box"\n${keys}`, '/etc/x/environments.toml');

function manage(spec: Omit<RegistryEnvironmentSpec, 'id'>): EnvironmentManager {
  const manager = new EnvironmentManager({ environments: [{ id: 'box', ...spec }], default: 'box' });
  atEnd(() => manager.close());
  return manager;
}

/** A registry that knows `eu.box`, and the server that it leads to. */
async function open() {
  const server = await startInProcess();
  const registry = await ScriptedRegistry.listen();
  registry.answer = () => connected('eu.box', server.url);
  return registry;
}

test('every key of a registry is read, a token file relative to the folder', () => {
  const keys = `registry = " https://registry.example/exec "\nenvironment_id = "eu.box"\ntoken_file = "token"\nconnect_timeout_sec = 60`;
  expect(parse(keys).environments).toMatchObject([
    {
      id: 'box',
      registry: 'https://registry.example/exec',
      environmentId: 'eu.box',
      tokenFile: '/etc/x/token',
      connectTimeoutMs: 60_000,
    },
  ]);
  expect(parse('registry = "https://r"\ntoken_env = "T"').environments).toMatchObject([{ tokenEnv: 'T' }]);
  expect(parse('registry = "https://r"\nauth_bearer_token = "t"').environments).toMatchObject([
    { authBearerToken: 't' },
  ]);
});

test.each([
  ['registry = "http://registry.example"', 3, 'registry', 'expected `https://HOST[/PATH]`, or `http://` to loopback'],
  ['registry = "https://me:s3cret@r"', 3, 'registry', 'expected `https://HOST[/PATH]`, or `http://` to loopback'],
  ['registry = "https://r"\nenvironment_id = ".x"', 4, 'environment_id', 'expected 1 to 128 ASCII letters'],
  ['registry = "https://r"\nurl = "ws://a:1"', 3, 'registry', 'not `url` as well'],
  ['registry = "https://r"\nprogram = "x"', 3, 'registry', 'not `program` as well'],
  ['url = "ws://a:1"\nenvironment_id = "x"', 4, 'environment_id', 'goes with `registry` only'],
  ['url = "ws://a:1"\ntoken_env = "X"', 4, 'token_env', 'goes with `registry` only'],
  ['url = "ws://a:1"\ntoken_file = "x"', 4, 'token_file', 'goes with `registry` only'],
  ['registry = "https://r"\ntoken_env = "X"\ntoken_file = "x"', 5, 'token_file', '`token_env` is there as well'],
  ['registry = "https://r"\nargs = []', 4, 'args', 'goes with `program` only'],
])('%j is refused', (keys, line, key, problem) => {
  expect(() => parse(keys)).toThrow(
    expect.objectContaining({ line, key: `environments[0].${key}`, message: expect.stringContaining(problem) }),
  );
  expect(() => parse(keys)).not.toThrow('s3cret');
});

test('an environment of a registry is used like any other, with the token of the moment', async () => {
  const registry = await open();
  const tokenFile = join(scratchDirectory(), 'token');
  writeFileSync(tokenFile, `${TOKEN}\n`);
  const { default: environment } = manage({ registry: registry.url, environmentId: 'eu.box', tokenFile });
  expect(environment.description).toBe(`eu.box at ${registry.url}`);
  expect((await environment.info()).shell.path).toMatch(/^\//);
  expect(registry.seen[0]).toMatchObject({
    path: '/cloud/environment/eu.box/connect',
    authorization: `Bearer ${TOKEN}`,
  });
  expect(inspect(environment, { depth: 9, showHidden: true })).not.toContain(TOKEN);
});

test('an environment that is offline can be tried again, one that is unknown cannot', async () => {
  const registry = await open();
  const { default: environment } = manage({ registry: registry.url, authBearerToken: TOKEN, connectTimeoutMs: 1_000 });
  registry.answer = () => refuse(503, 'environment_offline', 'last seen at noon');
  const offline = { name: 'EnvironmentConnectError', code: 'environment_unreachable', retryable: true };
  await expect(environment.info()).rejects.toMatchObject({
    ...offline,
    message: expect.stringContaining('last seen at noon'),
  });
  registry.answer = () => refuse(404, 'unknown_environment', 'no such environment');
  await expect(environment.info()).rejects.toMatchObject({ ...offline, retryable: false });
});

test('a registry lists what it has, as specifications for a manager', async () => {
  const registry = await open();
  const ids = ['box', 'eu.box', 'local', `${'long'.repeat(30)}`];
  registry.answer = () => ({
    body: {
      environments: ids.map((environment_id) => ({
        environment_id,
        labels: {},
        status: 'online',
        last_seen_at: '2026-01-01T00:00:00Z',
        harnesses: 0,
        max_harnesses: null,
      })),
    },
  });
  const all = await registryEnvironments({ registry: registry.url, authBearerToken: TOKEN });
  expect(registry.seen[0]).toMatchObject({ authorization: `Bearer ${TOKEN}` });
  expect(all.map(({ spec }) => spec.environmentId)).toEqual(ids);
  expect(all.map(({ spec }) => spec.id)).toEqual([
    'box',
    expect.stringMatching(/^eu-box-[0-9a-f]{8}$/),
    expect.stringMatching(/^local-[0-9a-f]{8}$/),
    expect.stringMatching(/^(long)+lon-[0-9a-f]{8}$/),
  ]);
  const manager = new EnvironmentManager({ environments: all.map(({ spec }) => spec) });
  atEnd(() => manager.close());
  expect(manager.list()).toHaveLength(5);
  registry.answer = () => refuse(403, 'forbidden', 'not yours');
  await expect(manager.list()[2]?.info()).rejects.toThrow('not yours');
  expect(registry.seen.at(-1)?.path).toBe('/cloud/environment/eu.box/connect');
});
