import { spawn } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dialWebSocket } from '../../src/transport/websocket-dial.js';
import { atEnd, Heard, listenForChannels, scratchDirectory, until, whenClosed } from '../harness/index.js';

const temporaryPath = () => join(scratchDirectory(), 'exec.sock');

test('only its owner may connect: the socket has mode 0600', async () => {
  const path = temporaryPath();
  const before = process.umask();
  const { url } = await listenForChannels(`unix://${path}`);
  expect(url).toBe(`unix://${path}`);
  expect(statSync(path).isSocket()).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(process.umask()).toBe(before);
});

test('messages go through it', async () => {
  const listener = await listenForChannels(`unix://${temporaryPath()}`);
  const client = new Heard(await dialWebSocket(listener.url));
  atEnd(() => client.channel.terminate('the test has finished'));
  const server = await listener.accepted();
  client.channel.send('ping');
  await server.count(1);
  server.channel.send('pong');
  await client.count(1);
  expect(server.channel.description).toBe(`unix socket ${listener.url.slice('unix://'.length)}`);
});

test.each(['with space', 'a:b', 'what?', 'x#y', '100%', '%41', 'é😀'])('a socket may be called `%s`', async (name) => {
  const path = join(scratchDirectory(), name);
  await listenForChannels(`unix://${path}`);
  expect(statSync(path).isSocket()).toBe(true);
  const channel = await dialWebSocket(`unix://${path}`);
  channel.terminate('done');
  await expect(dialWebSocket(`unix://${path}.gone`)).rejects.toThrow(/cannot connect to .*ENOENT/);
});

test('a socket that a killed server has left behind is replaced', async () => {
  const path = temporaryPath();
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await whenClosed(spawn(process.execPath, ['-e', script], { stdio: 'ignore' }));
  expect(statSync(path).isSocket()).toBe(true);
  const listener = await listenForChannels(`unix://${path}`);
  const channel = await dialWebSocket(listener.url);
  channel.terminate('done');
});

test('the socket of a server that lives is refused, and works on', async () => {
  const path = temporaryPath();
  const first = await listenForChannels(`unix://${path}`);
  await expect(listenForChannels(`unix://${path}`)).rejects.toThrow(
    `cannot listen on \`${path}\`: another server does`,
  );
  const channel = await dialWebSocket(first.url);
  channel.terminate('done');
});

test('the socket of a server that is too busy to accept is refused too', async () => {
  const path = temporaryPath();
  const script = `require('net').createServer().listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () =>
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0))`;
  const busy = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
  atEnd(() => busy.kill('SIGKILL'));
  await until(() => existsSync(path));
  const fill = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(path);
      atEnd(() => socket.destroy());
      socket.on('connect', () => resolve(false));
      socket.on('error', (error) => resolve('code' in error && error.code === 'EAGAIN'));
    });
  await until(fill, { what: 'a full queue' });
  await expect(listenForChannels(`unix://${path}`)).rejects.toThrow(/another server does/);
  expect(existsSync(path)).toBe(true);
});

test('a file that is no socket is not ours to remove', async () => {
  const path = temporaryPath();
  writeFileSync(path, 'precious');
  await expect(listenForChannels(`unix://${path}`)).rejects.toThrow(/cannot listen there: .*EADDRINUSE/);
  expect(statSync(path).size).toBe(8);
});

test('closing removes the socket', async () => {
  const path = temporaryPath();
  const listener = await listenForChannels(`unix://${path}`);
  await listener.close();
  expect(existsSync(path)).toBe(false);
});

test('dialling where nobody listens says so', async () => {
  const path = temporaryPath();
  await expect(dialWebSocket(`unix://${path}`)).rejects.toThrow(/cannot connect to .*ENOENT/);
  const server = createServer().listen(path);
  await until(() => server.listening);
  server.close();
});
