import { expect, test } from 'vitest';
import { connected, refuse, ScriptedRegistry } from '../../test/cloud/scripted-registry.js';
import { connectHarness } from './harness-connect.js';
import { listEnvironments } from './harness-list.js';
import { bearerHeaders, readToken } from './harness-token.js';
import type { RegistryAccess } from './request.js';

async function open() {
  const registry = await ScriptedRegistry.listen();
  const access: RegistryAccess = { baseUrl: registry.url, headers: async () => bearerHeaders('t0ken') };
  return { registry, access };
}

test('a harness asks as the contract says, and gets the answer', async () => {
  const { registry, access } = await open();
  registry.answer = () => connected('box.1', 'ws://127.0.0.1:1/x');
  expect(await connectHarness(access, 'box.1', { harnessId: 'h' })).toMatchObject({ url: 'ws://127.0.0.1:1/x' });
  await connectHarness(access, 'box.1');
  const asked = { method: 'POST', path: '/cloud/environment/box.1/connect', authorization: 'Bearer t0ken' };
  expect(registry.seen).toEqual([
    { ...asked, body: { transport: 'direct_jsonrpc_v1', harness_id: 'h' } },
    { ...asked, body: { transport: 'direct_jsonrpc_v1' } },
  ]);
});

test.each([
  ['another environment', connected('other', 'wss://host/x')],
  ['a WebSocket in clear text to elsewhere', connected('box', 'ws://192.0.2.1/?ticket=s3cret')],
  ['no WebSocket', connected('box', 'https://host/?ticket=s3cret')],
  ['another transport', { body: { ...(connected('box', 'wss://h').body as object), transport: 'noise' } }],
])('an answer with %s is refused, and not quoted', async (_what, answer) => {
  const { registry, access } = await open();
  registry.answer = () => answer;
  const error: unknown = await connectHarness(access, 'box').catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'invalid_answer', retryable: false });
  expect(String(error)).not.toContain('s3cret');
});

test.each([
  [refuse(404, 'unknown_environment', 'no such'), { code: 'unknown_environment', status: 404, retryable: false }],
  [refuse(503, 'environment_offline', 'off', { 'retry-after': '1' }), { retryable: true, retryAfterMs: 1000 }],
  [refuse(409, 'environment_in_use', 'busy'), { retryable: true }],
])('%j is told', async (answer, expected) => {
  const { registry, access } = await open();
  registry.answer = () => answer;
  await expect(connectHarness(access, 'box')).rejects.toMatchObject({ name: 'RegistryError', ...expected });
});

test('an id goes into the path as one part of it', async () => {
  const { registry, access } = await open();
  await expect(connectHarness(access, 'a/../b?c')).rejects.toMatchObject({ code: 'unscripted' });
  expect(registry.seen[0]?.path).toBe('/cloud/environment/a%2F..%2Fb%3Fc/connect');
});

test('lists what there is', async () => {
  const { registry, access } = await open();
  const listed = {
    environment_id: 'box',
    labels: { zone: 'a' },
    status: 'offline',
    last_seen_at: '2026-01-01T00:00:00Z',
    harnesses: 0,
    max_harnesses: 1,
  };
  registry.answer = () => ({ body: { environments: [listed] } });
  expect(await listEnvironments(access)).toEqual([listed]);
  expect(registry.seen[0]).toMatchObject({ method: 'GET', path: '/cloud/environments', body: undefined });
});

test('a token that cannot be one is not quoted', () => {
  expect(() => bearerHeaders('s3cret\n')).toThrow(/^the token for the registry cannot be one: expected visible ASCII/);
});

test('a token is where it is said to be, or that is an error', async () => {
  expect(await readToken({})).toBeUndefined();
  expect(await readToken({ authBearerToken: 'a' })).toBe('a');
  const missing = { name: 'TokenError', message: expect.stringContaining('EXEC_SERVER_NO_SUCH') };
  await expect(readToken({ tokenEnv: 'EXEC_SERVER_NO_SUCH' })).rejects.toMatchObject(missing);
  await expect(readToken({ tokenFile: '/nowhere/at/all' })).rejects.toThrow(/the token file cannot be read: ENOENT/);
  await expect(readToken({ tokenFile: '/dev/null' })).rejects.toThrow('the token file `/dev/null` is empty');
});
