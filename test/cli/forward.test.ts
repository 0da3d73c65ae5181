import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { atEnd, startBinary, startInProcess, until } from '../harness/index.js';
import { refusingPort } from '../http/origins.js';
import { echoing, startTcp } from '../tcp/origins.js';
import { type CommandLine, execServer } from './command-line.js';

const open = (url: string, args: readonly string[]) => execServer(['forward', '--url', url, ...args]);

/** Where it listens, once it has said so of that many. */
async function listening(command: CommandLine, count = 1): Promise<[bind: string, port: number, to: string][]> {
  const lines = () => [...command.stdout().matchAll(/^forwarding (.+):(\d+) -> (.+)\n/gm)];
  await until(() => lines().length === count, { timeoutMs: 20_000, what: `${count} lines on stdout` });
  return lines().map(([, bind = '', port = '', to = '']) => [bind, Number(port), to]);
}

function dial(host: string, port: number): Socket {
  const socket = connect({ host, port, allowHalfOpen: true });
  atEnd(() => socket.destroy());
  return socket;
}

describe('forward', () => {
  test('listens, says where, carries, and ends with 0 at Ctrl-C', async () => {
    const origin = await startTcp(echoing);
    const command = open((await startBinary()).url, [`0:127.0.0.1:${origin.port}`, `[::1]:0:localhost:${origin.port}`]);
    const lines = await listening(command, 2);
    expect(lines.map(([bind, , to]) => [bind, to])).toEqual([
      ['127.0.0.1', `127.0.0.1:${origin.port}`],
      ['[::1]', `localhost:${origin.port}`],
    ]);
    for (const [bind, port] of lines) {
      const socket = dial(bind.replace(/[[\]]/g, ''), port);
      socket.end(`through ${bind}`);
      expect(await text(socket)).toBe(`through ${bind}`);
    }
    command.child.kill('SIGINT');
    expect((await command.ended()).code).toBe(0);
  });

  test('says what cannot be reached, and goes on', async () => {
    const port = await refusingPort();
    const command = open((await startBinary()).url, [`0:127.0.0.1:${port}`]);
    const [line] = await listening(command);
    await expect(text(dial('127.0.0.1', line?.[1] ?? 0))).rejects.toMatchObject({ code: 'ECONNRESET' });
    command.child.kill('SIGTERM');
    const { code, stderr } = await command.ended();
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining(`tcp/connect to 127.0.0.1:${port} failed: connection refused`),
    ]);
  });

  test('a server that cannot is said at once, exit code 1', async () => {
    const { url } = await startInProcess({ tcp: null });
    const { code, stdout, stderr } = await open(url, ['0:127.0.0.1:80']).ended();
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/does not support TCP connections/);
  });

  test('a port that is taken is said, exit code 1', async () => {
    const taken = await startTcp(echoing);
    const { code, stderr } = await open((await startBinary()).url, [`${taken.port}:127.0.0.1:80`]).ended();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/EADDRINUSE.*choose another LOCAL_PORT/)]);
  });

  test('ends with 1 when the server shuts down', async () => {
    const server = await startBinary();
    const command = open(server.url, ['0:127.0.0.1:80']);
    await listening(command);
    server.kill();
    const { code, stderr } = await command.ended();
    expect([code, stderr]).toEqual([1, expect.stringMatching(/shutting down/)]);
  });

  test.each([
    '80',
    '80:host',
    '1:host:0',
    '70000:host:80',
    '80:host:65536',
    '80:::1:80',
    'x:80:[::1:80',
  ])('%s is no forwarding, exit code 2', async (specification) => {
    const { code, stderr } = await execServer(['forward', specification]).ended();
    expect([code, stderr]).toEqual([2, expect.stringContaining(specification)]);
  });
});
