import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratchDirectory, startBinary } from '../harness/index.js';
import { echo, type SeenRequest, startOrigin } from '../http/origins.js';
import { execServer } from './command-line.js';

async function openServer() {
  const { url } = await startBinary();
  return (args: readonly string[]) => execServer(['http', '--url', url, ...args]);
}

describe('http', () => {
  test('makes the request that it is told to, and writes the body', async () => {
    const http = await openServer();
    const origin = await startOrigin(echo);
    const args = ['-X', 'PUT', '-H', 'X-One: a', '-H', 'X-One: b', '-d', 'hello', `${origin.url}/p?q`];
    const { code, stdout } = await http(args).ended();
    expect(code).toBe(0);
    const seen = JSON.parse(stdout) as SeenRequest;
    expect(seen).toMatchObject({ method: 'PUT', url: '/p?q', body: 'hello' });
    expect(seen.rawHeaders.slice(0, 4).map((text) => text.toLowerCase())).toEqual(['x-one', 'a', 'x-one', 'b']);
  });

  test('writes what comes as it comes, with the head before it where that is asked for', async () => {
    const http = await openServer();
    let finish: () => void = () => undefined;
    const origin = await startOrigin((_request, response) => {
      response.sendDate = false;
      response.writeHead(201, 'Made', { 'x-a': 'b' }).write('first');
      finish = () => void response.end(' last');
    });
    const command = http(['-i', origin.url]);
    await command.says('first');
    finish();
    const { code, stdout } = await command.ended();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HTTP\/1\.1 201 Made\r\nx-a: b\r\n/);
    expect(stdout.endsWith('\r\n\r\nfirst last')).toBe(true);
  });

  test('sends what is in a file or on stdin, and writes to a file', async () => {
    const http = await openServer();
    const origin = await startOrigin(echo);
    const folder = scratchDirectory();
    writeFileSync(join(folder, 'in'), 'from a file');
    const fromFile = await http(['-d', `@${join(folder, 'in')}`, '-o', join(folder, 'out'), origin.url]).ended();
    expect([fromFile.code, fromFile.stdout]).toEqual([0, '']);
    expect(JSON.parse(readFileSync(join(folder, 'out'), 'utf8'))).toMatchObject({
      method: 'POST',
      body: 'from a file',
    });
    const command = http(['-d', '@-', origin.url]);
    command.child.stdin.end('from stdin');
    expect(JSON.parse((await command.ended()).stdout)).toMatchObject({ method: 'POST', body: 'from stdin' });
  });

  test('follows redirects only with -L', async () => {
    const http = await openServer();
    const origin = await startOrigin((request, response) => {
      if (request.url === '/moved') response.writeHead(302, { location: '/there' }).end('moved');
      else response.end('there');
    });
    expect((await http([`${origin.url}/moved`]).ended()).stdout).toBe('moved');
    expect((await http(['-L', `${origin.url}/moved`]).ended()).stdout).toBe('there');
  });

  test('gives up after -m with 1, and at Ctrl-C with 130', async () => {
    const http = await openServer();
    const origin = await startOrigin((_request, response) => void response.write('first'));
    const { code, stderr } = await http(['-m', '0.5', origin.url]).ended();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/timed out reading the response body/)]);
    const command = http([origin.url]);
    await command.says('first');
    command.child.kill('SIGINT');
    expect(await command.ended()).toMatchObject({ code: 130, stdout: 'first' });
  });

  test('tells failures by its exit code: 1, 2 for a command line that cannot be, 22 with -f', async () => {
    const http = await openServer();
    const origin = await startOrigin((_request, response) => void response.writeHead(404).end('nothing'));
    const refused = await http(['http://127.0.0.1:1/']).ended();
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(/connection refused/);
    const answered = await http([origin.url]).ended();
    expect([answered.code, answered.stdout]).toEqual([0, 'nothing']);
    const failed = await http(['-f', origin.url]).ended();
    expect([failed.code, failed.stdout]).toEqual([22, '']);
    expect(failed.stderr).toMatch(/404/);
    for (const args of [['ftp://x/'], ['-H', 'no colon', origin.url], ['-d', '@/no/such/file', origin.url]]) {
      expect((await http(args).ended()).code).toBe(2);
    }
  });
});
