import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { atEnd, CutProxy, openTcp, until, whenClosed, within } from './index.js';

/** An echo server that remembers its connections. */
async function startEcho() {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined); // resets are the subject here
    socket.on('data', (chunk) => socket.write(chunk));
    socket.on('end', () => socket.end('bye'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

function received(socket: Socket): { text(): string; pieces: number[] } {
  const pieces: number[] = [];
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    pieces.push(chunk.length);
    text += chunk.toString();
  });
  return { text: () => text, pieces };
}

test('bytes go through both ways, in order, also chopped and delayed', async () => {
  const echo = await startEcho();
  const proxy = await CutProxy.listen(echo.url, { chopBytes: 7, delayMs: 2 });
  const socket = await openTcp(proxy.url);
  const back = received(socket);
  const sent = 'abcdefghij'.repeat(100);
  socket.write(sent);
  await until(() => back.text() === sent);
  expect(Math.max(...back.pieces)).toBeLessThan(sent.length);
});

test('cutAll resets both sides', async () => {
  const echo = await startEcho();
  const proxy = await CutProxy.listen(echo.url);
  const socket = await openTcp(proxy.url);
  socket.write('x');
  await once(socket, 'data');
  const [inside] = echo.sockets;
  const ends = Promise.all([whenClosed(socket), inside && whenClosed(inside)]);
  proxy.cutAll();
  await within(ends, 2_000, 'both ends');
  await until(() => proxy.connectionCount === 0);
});

test('a stalled connection forwards nothing and closes nothing, until it resumes; new ones work meanwhile', async () => {
  const echo = await startEcho();
  const proxy = await CutProxy.listen(echo.url);
  const stalled = await openTcp(proxy.url);
  await until(() => echo.sockets.length === 1);
  const back = received(stalled);
  proxy.stall();
  stalled.write('late');

  const fresh = await openTcp(proxy.url);
  fresh.write('now');
  await once(fresh, 'data');
  expect(back.text()).toBe('');

  proxy.resume();
  await until(() => back.text() === 'late');
});

test('refused connections are reset at once', async () => {
  const echo = await startEcho();
  const proxy = await CutProxy.listen(echo.url);
  proxy.refuseNew = true;
  await openTcp(proxy.url).then(whenClosed, (error) => expect(error.code).toBe('ECONNRESET'));
  expect(proxy.acceptedCount).toBe(0);
});

test('half-closing what the client sends leaves the way back open', async () => {
  const echo = await startEcho();
  const proxy = await CutProxy.listen(echo.url);
  const socket = await openTcp(proxy.url);
  const back = received(socket);
  await until(() => echo.sockets.length === 1);
  proxy.halfClose('client');
  await until(() => back.text() === 'bye');
});
