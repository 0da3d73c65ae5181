import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atEnd, RawClient, shell, startInProcess } from '../harness/index.js';

async function open(): Promise<RawClient> {
  return RawClient.open((await startInProcess()).url);
}

describe('a message that cannot be read', () => {
  test.each([
    ['{not json', /./],
    ['', /./],
    ['[]', /batches are not supported/],
    ['{"id":null,"method":"process/list"}', /`id` must be a string or a 64-bit integer/],
    ['{"id":1.5,"method":"process/list"}', /`id` must be/],
    ['{"id":1,"method":"process/list","method":"process/start"}', /duplicate JSON object key `method`/],
    ['{}', /neither/],
    [Buffer.from([0xff, 0xfe]), /UTF-8/],
  ])('%s is answered with id -1, and the connection lives', async (data, why) => {
    const client = await open();
    client.sendRaw(data);
    const { error } = await client.waitFor(({ id }) => id === -1);
    expect(error).toMatchObject({ code: -32600, data: { kind: 'invalid_message' } });
    expect(error?.message).toMatch(/^failed to parse JSON-RPC message from exec-server websocket 127\.0\.0\.1:\d+: /);
    expect(error?.message).toMatch(why);
    await client.result('process/list');
  });

  test('in a binary frame is fine when it holds JSON', async () => {
    const client = await open();
    client.sendRaw(Buffer.from('{"id":7,"method":"process/list"}'));
    expect((await client.waitFor(({ id }) => id === 7)).result).toEqual({ processes: [] });
  });
});

describe('a violation closes with code 1002 and a reason', () => {
  test.each([
    ['an unknown notification', '{"method":"process/output","params":{}}', 'unknown notification `process/output`'],
    ['a request that lacks its id', '{"method":"process/list"}', 'unknown notification `process/list`'],
    ['a result', '{"id":1,"result":{}}', 'a response came although nothing was asked'],
    ['an error', '{"id":1,"error":{"code":1,"message":"x"}}', 'a response came although nothing was asked'],
  ])('%s', async (_name, text, reason) => {
    const client = await open();
    client.sendRaw(text);
    expect(await client.closed).toEqual({ code: 1002, reason: `protocol violation: ${reason}` });
  });

  test('and nothing that comes after it is carried out', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'exec-violation-'));
    atEnd(() => rmSync(directory, { recursive: true, force: true }));
    const { url, server } = await startInProcess();
    const client = await RawClient.open(url);
    client.sendRaw('{"method":"bogus"}');
    const path = join(directory, 'written');
    client.sendRaw(JSON.stringify({ id: 1, method: 'fs/writeFile', params: { path, dataBase64: '' } }));
    client.sendRaw(JSON.stringify({ id: 2, method: 'process/start', params: shell('p', `touch ${path}`) }));
    await client.closed;
    await server.close();
    expect(existsSync(path)).toBe(false);
    expect(client.messages.filter(({ id }) => id === 1 || id === 2)).toEqual([]);
  });

  test('while the session lives on, to be resumed', async () => {
    const { url } = await startInProcess();
    const client = await RawClient.open(url);
    client.notify('bogus');
    await client.closed;
    const { sessionId } = await RawClient.open(url, { resumeSessionId: client.sessionId });
    expect(sessionId).toBe(client.sessionId);
  });
});

describe('ids', () => {
  test.each(['0', '-5', '9223372036854775807', '""', '"a\\u0000b"'])('%s is echoed as it came', async (id) => {
    const client = await open();
    client.sendRaw(`{"id":${id},"method":"process/list"}`);
    const expected = id === '9223372036854775807' ? Number(id) : JSON.parse(id);
    expect((await client.waitFor((message) => message.id === expected)).result).toEqual({ processes: [] });
  });

  test('that are used twice at once are answered twice', async () => {
    const client = await open();
    for (let i = 0; i < 2; i++) client.sendRaw('{"id":"same","method":"environment/status"}');
    await client.result('process/list');
    expect(client.messages.filter(({ id }) => id === 'same')).toHaveLength(2);
  });
});
