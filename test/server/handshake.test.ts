import { describe, expect, test } from 'vitest';
import { validateResult } from '../../src/protocol/validate.js';
import { RawClient, shell, startInProcess } from '../harness/index.js';

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

async function connect(): Promise<RawClient> {
  return RawClient.connect((await startInProcess()).url);
}

describe('initialize', () => {
  test('gives a session id and what the client wants to know of the environment', async () => {
    const client = await connect();
    const { result } = await client.request('initialize', { clientName: 'codex' });
    expect(result?.sessionId).toMatch(UUID_V4);
    expect(validateResult('initialize', result).environmentInfo).toMatchObject({
      shell: { name: expect.any(String), path: expect.stringMatching(/^\//) },
      cwd: expect.stringMatching(/^file:\/\/\//),
      userHomeDir: expect.stringMatching(/^file:\/\/\//),
      platformOs: 'linux',
      capabilities: expect.objectContaining({ processResize: true }),
    });
  });

  test('gives every client an id of its own', async () => {
    const { url } = await startInProcess();
    const ids = await Promise.all(Array.from({ length: 20 }, async () => (await RawClient.open(url)).sessionId));
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) expect(id).toMatch(UUID_V4);
  });

  test.each([
    ['an empty name', { clientName: '' }],
    ['fields that are unknown', { clientName: 'x', future: true }],
    ['null for no session', { clientName: 'x', resumeSessionId: null }],
    ['positional params', ['x']],
  ])('takes %s', async (_name, params) => {
    const client = await connect();
    expect((await client.request('initialize', params)).error).toBeUndefined();
  });

  test('may be sent once; the connection stays usable', async () => {
    const client = await connect();
    await client.initialize();
    expect((await client.request('initialize', { clientName: 'again' })).error).toEqual({
      code: -32600,
      message: 'initialize may only be sent once per connection',
      data: { kind: 'already_initialized' },
    });
    await client.result('process/list');
  });

  test('with bad params may be sent again', async () => {
    const client = await connect();
    expect((await client.request('initialize', {})).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining('missing field `clientName`'),
    });
    await client.initialize();
  });

  test.each(['no-such-session', ''])('with the unknown session `%s` says so, and may be sent again', async (id) => {
    const client = await connect();
    expect((await client.request('initialize', { clientName: 'x', resumeSessionId: id })).error).toEqual({
      code: -32600,
      message: `unknown session id ${id}`,
      data: { kind: 'unknown_session' },
    });
    await client.initialize();
    await client.result('process/list');
  });

  test('and all that follows may be sent without waiting, as the real peers allow', async () => {
    const client = await connect();
    const initialized = client.request('initialize', { clientName: 'hasty' });
    client.notify('initialized');
    const list = client.request('process/list');
    expect((await initialized).error).toBeUndefined();
    expect((await list).result).toEqual({ processes: [] });
  });
});

describe('before the handshake is done', () => {
  const requests = [
    ['process/start', 'exec', shell('p', 'true')],
    ['process/read', 'exec', { processId: 'p' }],
    ['fs/readFile', 'filesystem', { path: '/etc/passwd' }],
    ['http/request', 'http', { method: 'GET', url: 'http://127.0.0.1', requestId: 'r' }],
    ['environment/info', 'environment info', {}],
    ['environment/status', 'environment status', {}],
  ] as const;

  test.each(requests)('%s must wait for initialize, and then for initialized', async (method, family, params) => {
    const client = await connect();
    expect((await client.request(method, params)).error).toEqual({
      code: -32600,
      message: `client must call initialize before using ${family} methods`,
      data: { kind: 'not_initialized' },
    });
    await client.result('initialize', { clientName: 'x' });
    expect((await client.request(method, params)).error).toEqual({
      code: -32600,
      message: `client must send initialized before using ${family} methods`,
      data: { kind: 'not_initialized' },
    });
  });

  test('a method that does not exist, and params that are bad, are told first', async () => {
    const client = await connect();
    expect((await client.request('process/nothing', {})).error).toEqual({
      code: -32601,
      message: 'exec-server stub does not implement `process/nothing` yet',
      data: { kind: 'unknown_method' },
    });
    expect((await client.request('process/read', {})).error?.code).toBe(-32602);
  });

  test('`initialized` is a protocol violation', async () => {
    const client = await connect();
    client.notify('initialized');
    expect(await client.closed).toEqual({
      code: 1002,
      reason: 'protocol violation: `initialized` came before `initialize`',
    });
  });
});

describe('initialized', () => {
  test.each([undefined, null, {}, [], 'anything'])('may carry %o', async (params) => {
    const client = await connect();
    await client.result('initialize', { clientName: 'x' });
    client.notify('initialized', params);
    await client.result('process/list');
  });

  test('may be repeated', async () => {
    const client = await connect();
    await client.initialize();
    client.notify('initialized');
    await client.result('process/list');
  });

  test('is no request', async () => {
    const client = await connect();
    await client.result('initialize', { clientName: 'x' });
    expect((await client.request('initialized', {})).error?.code).toBe(-32601);
  });
});

test('a message above 1 MiB is read only from a client that has initialized', async () => {
  const { url } = await startInProcess();
  const padding = 'x'.repeat(1024 * 1024);
  const known = await RawClient.open(url);
  await known.result('process/list', { padding });
  const stranger = await RawClient.connect(url);
  stranger.sendRaw(JSON.stringify({ id: 1, method: 'initialize', params: { clientName: padding } }));
  expect(await stranger.closed).toMatchObject({
    code: 1009,
    reason: expect.stringMatching(/a message of more than 1048576/),
  });
});
