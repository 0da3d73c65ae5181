import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../../test/harness/index.js';
import { LoginFile, loginKey } from './login-file.js';

const tokens = { access_token: 'secret', token_type: 'Bearer' };

test('keeps the logins to several servers in a file of its own user', async () => {
  const logins = new LoginFile(join(scratchDirectory(), 'new', 'logins.json'));
  expect(await logins.find('a')).toBeUndefined();
  await logins.update('a', () => ({ tokens }));
  await logins.update('b', () => ({ client: { client_id: 'c' } }));
  await logins.update('a', (login) => ({ ...login, client: { client_id: 'd' } }));
  expect(await logins.find('a')).toEqual({ tokens, client: { client_id: 'd' } });
  await logins.update('a', () => undefined);
  expect(await logins.find('a')).toBeUndefined();
  expect(await logins.find('b')).toEqual({ client: { client_id: 'c' } });
  expect(statSync(logins.path).mode & 0o777).toBe(0o600);
});

test('a name that every object has is no login', async () => {
  const logins = new LoginFile(join(scratchDirectory(), 'logins.json'));
  await logins.update('a', () => ({ tokens }));
  expect(await logins.find('constructor')).toBeUndefined();
});

test.each([0o640, 0o604, 0o660])('refuses a file of mode %o, to read and to write', async (mode) => {
  const logins = new LoginFile(join(scratchDirectory(), 'logins.json'));
  await logins.update('a', () => ({ tokens }));
  chmodSync(logins.path, mode);
  const problem = `expected mode 0600, has 0${mode.toString(8)}: run \`chmod 600\``;
  await expect(logins.find('a')).rejects.toThrow(problem);
  await expect(logins.update('a', () => undefined)).rejects.toThrow(problem);
});

test('what it cannot understand it leaves alone, and quotes none of it', async () => {
  const path = join(scratchDirectory(), 'logins.json');
  for (const text of ['{"a": {"tokens": {"access_token": ["secret"]}}}', '{"a": secret']) {
    writeFileSync(path, text, { mode: 0o600 });
    const failure = new LoginFile(path).update('b', () => ({ tokens }));
    await expect(failure).rejects.toThrow('cannot be understood; remove it and log in again');
    await expect(failure).rejects.not.toThrow(/secret/);
    expect(readFileSync(path, 'utf8')).toBe(text);
  }
});

const MODULE = fileURLToPath(new URL('../../dist/mcp/login-file.js', import.meta.url));

test('processes that write at once lose nothing of each other', async () => {
  const path = join(scratchDirectory(), 'logins.json');
  const script = `const { LoginFile } = await import(process.argv[1]);
    const logins = new LoginFile(process.argv[2]);
    for (let n = 0; n < 10; n += 1) await logins.update(process.argv[3] + n, () => ({ tokens: { access_token: 'x'.repeat(n * 1000), token_type: 'Bearer' } }));`;
  const ends = ['a', 'b', 'c', 'd'].map(async (name) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, MODULE, path, name], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    return (await once(child, 'exit'))[0];
  });
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0]);
  expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')))).toHaveLength(40);
});

test.each([
  ['https://host/mcp', 'https://host/mcp'],
  ['http://127.0.0.1:1/mcp', 'far http://127.0.0.1:1/mcp'],
])('what is reached at %s is kept under `%s`', (url, key) => {
  expect(loginKey(url, 'far')).toBe(key);
});
