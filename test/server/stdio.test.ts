import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isAlive, RawClient, scratchDirectory, shell, startBinary, until } from '../harness/index.js';

async function open() {
  const server = await startBinary(['--listen', 'stdio', '--log-level', 'silent']);
  return { server, client: RawClient.overLines(server.child.stdout, server.child.stdin) };
}

describe('over stdio', () => {
  test('lines that are no messages are answered, blank ones are nothing', async () => {
    const { server, client } = await open();
    server.child.stdin.write('\n\r\n{not json\r\n');
    const { error } = await client.waitFor(({ id }) => id === -1);
    expect(error?.message).toMatch(/^failed to parse JSON-RPC message from exec-server stdio: /);
    server.child.stdin.write(Buffer.from([0x22, 0xff, 0x22, 0x0a]));
    await client.waitFor((message) => message.error?.message.includes('not UTF-8') === true);
    await client.initialize();
    await client.result('process/list');
    expect(server.stderr()).toBe('');
  });

  test('the end of the input ends the children, then the server, with code 0', async () => {
    const { server, client } = await open();
    await client.initialize();
    await client.result('process/start', shell('p', 'trap "" HUP; exec sleep 60'));
    const { processes } = await client.result('process/list');
    const [{ pid }] = processes as [{ pid: number }];
    server.child.stdin.end();
    expect(await server.exited).toEqual({ code: 0, signal: null });
    await until(() => !isAlive(pid));
  });

  test('a last line without its newline is carried out', async () => {
    const { server, client } = await open();
    await client.initialize();
    const path = join(scratchDirectory(), 'file');
    const params = { path, dataBase64: Buffer.from('last').toString('base64') };
    server.child.stdin.end(JSON.stringify({ id: 1, method: 'fs/writeFile', params }));
    await server.exited;
    expect(existsSync(path)).toBe(true);
  });

  test('a violation ends the connection, and the server with it', async () => {
    const { server, client } = await open();
    client.notify('bogus');
    expect((await server.exited).code).toBe(0);
  });
});
