import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { UnsecuredJWT } from 'jose';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RegistryError } from '../registry/errors.js';
import { readBearerLine } from './bearer-line.js';
import { bearerFile, bearerToken, CredentialError } from './credentials.js';
import { findCredentials } from './find-credentials.js';

const LOOPBACK = 'http://127.0.0.1:1';

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'credentials-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

function signedIn(tokens: unknown): string {
  const home = scratch();
  writeFileSync(join(home, 'auth.json'), JSON.stringify({ OPENAI_API_KEY: null, tokens }));
  return home;
}

function headersOf(env: NodeJS.ProcessEnv, baseUrl = LOOPBACK) {
  return findCredentials(baseUrl, { CODEX_HOME: scratch(), ...env }).headers();
}

describe('of what the environment has, the first is taken:', () => {
  const CODEX_HOME = signedIn.bind(undefined, { access_token: 'c', account_id: 'acct' });

  test('the token of its own', async () => {
    const env = { CODEX_EXEC_SERVER_REMOTE_BEARER_TOKEN: ' a\n', CODEX_API_KEY: 'b', CODEX_HOME: CODEX_HOME() };
    expect(await headersOf(env)).toEqual({ authorization: 'Bearer a' });
  });

  test('the API key', async () => {
    expect(await headersOf({ CODEX_API_KEY: 'b', CODEX_HOME: CODEX_HOME() })).toEqual({ authorization: 'Bearer b' });
  });

  test('the sign-in, with its account', async () => {
    const expected = { authorization: 'Bearer c', 'chatgpt-account-id': 'acct' };
    expect(await headersOf({ CODEX_HOME: CODEX_HOME() })).toEqual(expected);
  });
});

describe('what belongs to OpenAI', () => {
  const env = { CODEX_API_KEY: 'key-5ecret' };

  test.each([
    'https://openai.com',
    'https://api.openai.com/v1',
    'https://chatgpt.com/backend-api',
    LOOPBACK,
  ])('is sent to %s', async (baseUrl) => {
    expect(await headersOf(env, baseUrl)).toEqual({ authorization: 'Bearer key-5ecret' });
  });

  test.each([
    'https://registry.example',
    'https://openai.com.example',
    'https://notopenai.com',
  ])('is not sent to %s', (baseUrl) => {
    const find = () => findCredentials(baseUrl, { CODEX_HOME: scratch(), ...env });
    expect(find).toThrow(/is for OpenAI, and sent to no other registry$/);
    expect(find).not.toThrow(/5ecret/);
  });

  test('nor to anybody in clear text', () => {
    expect(() => findCredentials('http://openai.com', env)).toThrow(RegistryError);
  });
});

describe('a sign-in', () => {
  const auth = { 'https://api.openai.com/auth': { chatgpt_account_id: 'from-token' } };
  const tokenUntil = (seconds: number) => new UnsecuredJWT({ ...auth, exp: seconds }).encode();
  const now = Math.floor(Date.now() / 1000);

  test('tells its account in its token, where it does not say it beside', async () => {
    const token = tokenUntil(now + 60);
    const expected = { authorization: `Bearer ${token}`, 'chatgpt-account-id': 'from-token' };
    expect(await headersOf({ CODEX_HOME: signedIn({ access_token: token }) })).toEqual(expected);
  });

  test.each([
    ['has expired', { access_token: tokenUntil(946_684_800) }, /expired at 2000-01-01T00:00:00.000Z: renew it/],
    ['is none, but an API key', null, /holds no ChatGPT sign-in: sign in with `codex login`/],
    ['is something else', 'x', /expected JSON with `tokens.access_token`/],
  ])('%s: that is said', async (_what, tokens, expected) => {
    const headers = headersOf({ CODEX_HOME: signedIn(tokens) });
    await expect(headers).rejects.toThrow(CredentialError);
    await expect(headers).rejects.toThrow(expected);
  });
});

test('a file is read every time', async () => {
  const path = join(scratch(), 'token');
  writeFileSync(path, 'one\n');
  const credentials = bearerFile(path);
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer one' });
  writeFileSync(path, 'two\n');
  expect(await credentials.headers()).toEqual({ authorization: 'Bearer two' });
  rmSync(path);
  await expect(credentials.headers()).rejects.toThrow(`cannot read the file ${path}: No such file or directory`);
});

test('of an input the first line is taken, and its end is not waited for', async () => {
  const input = new PassThrough();
  const reading = readBearerLine(input);
  input.write('to');
  input.write('ken\r\nmore');
  expect(await (await reading).headers()).toEqual({ authorization: 'Bearer token' });
  const empty = new PassThrough();
  empty.end();
  await expect(readBearerLine(empty)).rejects.toThrow('expected a token in the first line of stdin, which is empty');
});

test.each([
  'two words',
  'line\nline',
  'ümlaut',
  'x'.repeat(20_000),
])('what can be no token is refused unseen', (text) => {
  expect(() => bearerToken(text, 'a test')).toThrow(
    /^expected a token in a test: one line of at most \d+ visible ASCII characters$/,
  );
});
