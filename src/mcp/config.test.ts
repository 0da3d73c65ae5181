import { expect, test } from 'vitest';
import { checkServer } from './config.js';

test.each([
  [{ name: 'a', command: 'npx', args: ['-y', 'x'], env: { A: '1' }, env_vars: ['B', { name: 'C', source: 'remote' }] }],
  [{ name: 'a', environment: 'far', url: 'https://host/mcp', bearer_token_env_var: 'T', http_headers: { 'x-a': '1' } }],
  [{ name: 'a', url: 'https://host/mcp', scopes: ['files:read', 'offline_access'], oauth: { client_id: 'me' } }],
])('takes %j', (server) => {
  expect(checkServer(server)).toEqual(server);
});

test.each([
  [{ command: 'x' }, '`name`'],
  [{ name: 'a b', command: 'x' }, '`name`: expected ASCII letters'],
  [{ name: 'a' }, 'expected a `command` or a `url`, both are missing'],
  [{ name: 'a', command: 'x', url: 'http://h' }, 'not both'],
  [{ name: 'a', url: 'http://h', cwd: '/' }, '`cwd`: goes with `command` only'],
  [{ name: 'a', command: 'x', http_headers: {} }, '`http_headers`: goes with `url` only'],
  [{ name: 'a', command: 'x', scopes: ['a'] }, '`scopes`: goes with `url` only'],
  [{ name: 'a', url: 'http://h', scopes: ['a b'] }, '`scopes.0`: expected a scope'],
  [{ name: 'a', url: 'http://h', oauth: { client_secret: 'x' } }, '`oauth.client_id`'],
  [{ name: 'a', url: 'ftp://h' }, '`url`: expected an http or https URL'],
  [{ name: 'a', command: 'x', env_vars: ['A*'] }, '`env_vars.0`'],
  [{ name: 'a', command: 'x', nonsense: 1 }, 'there is no key `nonsense`'],
  [{ name: 'a', command: 'x', startup_timeout_sec: 0 }, 'expected a number of seconds'],
])('refuses %j', (server, problem) => {
  expect(() => checkServer(server)).toThrow(problem);
});

test('an error quotes no value', () => {
  expect(() => checkServer({ name: 'a', command: 'x', env: { A: 'secret\0' } })).toThrow(/^(?!.*secret)/);
});
