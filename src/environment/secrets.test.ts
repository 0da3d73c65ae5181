import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { EnvironmentManager } from './environment-manager.js';
import type { EnvironmentSpec } from './spec.js';

const TOKEN = 'sk-very-secret-0123456789';
const PASSWORD = 'hunter2-and-more';

function manage(spec: EnvironmentSpec): EnvironmentManager {
  const manager = new EnvironmentManager({ environments: [spec] });
  onTestFinished(() => manager.close());
  return manager;
}

/** All that somebody could put into a log. */
function everythingAbout(...things: unknown[]): string {
  return things
    .flatMap((thing) => [
      inspect(thing, { depth: Infinity, showHidden: true, getters: true }),
      JSON.stringify(thing),
      String(thing),
      thing instanceof Error ? `${thing.stack} ${Object.entries(thing)}` : '',
    ])
    .join('\n');
}

test('a token goes into the request and nowhere else, even when it is refused', async () => {
  const authorizations: (string | undefined)[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  server.on('upgrade', ({ headers }, socket) => {
    authorizations.push(headers.authorization);
    socket.end(`HTTP/1.1 401 ${headers.authorization}\r\nwww-authenticate: ${headers.authorization}\r\n\r\n`);
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/exec?key=${PASSWORD}`;
  const manager = manage({ id: 'a', url, authBearerToken: TOKEN });
  const environment = manager.get('a');
  const news: unknown[] = [];
  environment.onStatusChange((status) => news.push(status));
  const error: unknown = await environment.info().catch((reason: unknown) => reason);
  expect(authorizations).toEqual([`Bearer ${TOKEN}`]);
  expect(String(error)).toMatch(/refused the WebSocket with HTTP 401$/);
  const said = everythingAbout(
    manager,
    manager.list(),
    environment,
    environment.status(),
    environment.processes,
    news,
    error,
  );
  expect(said).not.toContain(TOKEN);
  expect(said).not.toContain(PASSWORD);
});

test('an environment shows its id, where it is and how it stands', () => {
  const environment = manage({
    id: 'a',
    url: `wss://me:${PASSWORD}@build:8443/exec?key=x`,
    authBearerToken: TOKEN,
  }).get('a');
  const shown = { id: 'a', description: 'wss://build:8443/exec', status: 'disconnected', reason: 'not used yet' };
  expect(JSON.parse(JSON.stringify(environment))).toEqual(shown);
  expect(inspect(environment)).toBe(`RemoteEnvironment ${inspect(shown)}`);
});

test.each<[string, EnvironmentSpec]>([
  [
    'a host that is not there',
    { id: 'a', url: `ws://me:${PASSWORD}@127.0.0.1:1/?${PASSWORD}`, authBearerToken: TOKEN },
  ],
  ['a socket that is not there', { id: 'a', url: 'unix:///nowhere/at/all', authBearerToken: TOKEN }],
  ['a program that is not there', { id: 'a', program: '/nowhere/at/all', env: { KEY: PASSWORD } }],
  ['a folder that is not there', { id: 'a', program: 'sh', cwd: '/nowhere/at/all', env: { KEY: PASSWORD } }],
  ['a program that ends at once', { id: 'a', program: 'false', env: { KEY: PASSWORD } }],
])('%s is an error without secrets', async (_what, spec) => {
  const environment = manage(spec).get('a');
  const error: unknown = await environment.info().catch((reason: unknown) => reason);
  const said = everythingAbout(error, environment, environment.status());
  expect(said).toContain('environment `a` could not be reached');
  expect(said).not.toContain(TOKEN);
  expect(said).not.toContain(PASSWORD);
});

test.each<[string, object]>([
  ['url', { url: `http://me:${PASSWORD}@a/` }],
  ['token', { url: 'ws://a:1', authBearerToken: `${TOKEN}\n` }],
  ['token in the place of another key', { url: 'ws://a:1', connectTimeoutMs: TOKEN }],
  ['key', { url: 'ws://a:1', authBearerToken: TOKEN, port: 1 }],
  ['variable', { program: 'x', env: { KEY: `${PASSWORD}\0` } }],
  ['id', { id: `${TOKEN}!`, url: 'ws://a:1' }],
])('a specification that is refused for its %s is not quoted', (_what, spec) => {
  const add = () => manage({ id: 'other', program: 'x' }).add({ id: 'a', ...spec } as EnvironmentSpec);
  let error: unknown;
  try {
    add();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toMatchObject({ code: 'invalid_environment_config' });
  expect(everythingAbout(error)).not.toContain(TOKEN);
  expect(everythingAbout(error)).not.toContain(PASSWORD);
});
