import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { forwardPort, type PortForwardOptions } from '../../src/client/index.js';
import type { TcpConnector } from '../../src/tcp/types.js';
import { atEnd, CutProxy, startInProcess, until, whenClosed } from '../harness/index.js';
import { refusingPort, startOrigin } from '../http/origins.js';
import { echoing, startTcp } from './origins.js';
import { connect } from './places.js';

async function openForward(tcp: TcpConnector, options: PortForwardOptions) {
  const forward = await forwardPort(tcp, options);
  atEnd(() => forward.close());
  return forward;
}

/** A port here that leads through a server to that one. */
async function throughServer(port: number) {
  const client = await connect((await startInProcess()).url);
  return openForward(client.tcp, { to: { host: '127.0.0.1', port } });
}

function dial({ host, port }: { host: string; port: number }): Socket {
  const socket = connectSocket({ host, port, allowHalfOpen: true });
  atEnd(() => socket.destroy());
  return socket;
}

test('HTTP/1.1 goes through, requests one after the other on one connection', async () => {
  const origin = await startOrigin((request, response) => void response.end(`you asked for ${request.url}`));
  const { address } = await throughServer(origin.port);
  expect(address.host).toBe('127.0.0.1');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  atEnd(() => agent.destroy());
  for (const path of ['/a', '/b', '/c']) {
    const request = get({ ...address, path, agent });
    const [response] = await once(request, 'response');
    expect(await text(response)).toBe(`you asked for ${path}`);
  }
  expect(origin.connections).toBe(1);
});

test('HTTP/2 goes through, with many requests at once on one connection', async () => {
  const server = createHttp2Server((request, response) => void response.end(request.url.repeat(10_000)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  const { address } = await throughServer((server.address() as AddressInfo).port);
  const session = connectHttp2(`http://127.0.0.1:${address.port}`);
  atEnd(() => session.destroy());
  const paths = Array.from({ length: 50 }, (_, i) => `/${i}`);
  const answers = await Promise.all(paths.map((path) => text(session.request({ ':path': path }))));
  expect(answers).toEqual(paths.map((path) => path.repeat(10_000)));
});

test('a stream is a socket to libraries: HTTP/2 over it, without a port', async () => {
  const server = createHttp2Server((_request, response) => void response.end('direct'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  const { tcp } = await connect((await startInProcess()).url);
  const stream = await tcp.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const session = connectHttp2('http://there', { createConnection: () => stream });
  atEnd(() => session.destroy());
  expect(await text(session.request({ ':path': '/' }))).toBe('direct');
});

test('a WebSocket goes through, both ways', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  atEnd(() => server.close());
  server.on('connection', (socket) => {
    socket.send('welcome');
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const { address } = await throughServer((server.address() as AddressInfo).port);
  const socket = new WebSocket(`ws://127.0.0.1:${address.port}`);
  atEnd(() => socket.terminate());
  const said: Buffer[] = [];
  socket.on('message', (data) => said.push(data as Buffer));
  await once(socket, 'open');
  socket.send(Buffer.alloc(3_000_000, 7));
  await until(() => said.length === 2);
  expect(String(said[0])).toBe('welcome');
  expect(said[1]?.equals(Buffer.alloc(3_000_000, 7))).toBe(true);
});

test('an end passes as an end, a reset as a reset, in both directions', async () => {
  const over: { ended: boolean; reset: boolean }[] = [];
  const origin = await startTcp((socket) => {
    const seen = { ended: false, reset: false };
    over.push(seen);
    socket.on('end', () => {
      seen.ended = true;
      socket.end('bye');
    });
    socket.on('error', () => {
      seen.reset = true;
    });
    socket.on('data', (data) => String(data) === 'reset me' && socket.resetAndDestroy());
  });
  const { address } = await throughServer(origin.port);

  const ending = dial(address);
  ending.end('x');
  expect(await text(ending)).toBe('bye');
  expect(over[0]).toEqual({ ended: true, reset: false });

  const resetting = dial(address);
  await until(() => over.length === 2);
  resetting.resetAndDestroy();
  await until(() => over[1]?.reset);
  expect(over[1]).toEqual({ ended: false, reset: true });

  const wasReset = dial(address);
  wasReset.resume().write('reset me');
  const [error] = await once(wasReset, 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  await until(() => origin.sockets.size === 0);
});

test('what cannot be reached is told, and the local connection is reset; the port goes on', async () => {
  const { tcp } = await connect((await startInProcess()).url);
  const failures: Error[] = [];
  const port = await refusingPort();
  const onConnectFailed = (error: Error) => failures.push(error);
  const { address } = await openForward(tcp, { to: { host: '127.0.0.1', port }, onConnectFailed });
  const [error] = await once(dial(address), 'error');
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(failures).toMatchObject([{ data: { kind: 'tcp_failed', reason: 'connection_refused' } }]);
  const server = createServer(echoing).listen(port, '127.0.0.1');
  await once(server, 'listening');
  atEnd(() => server.close());
  const socket = dial(address);
  socket.end('there now');
  expect(await text(socket)).toBe('there now');
});

test('a port that is taken is said', async () => {
  const { tcp } = await connect((await startInProcess()).url);
  const taken = await startTcp(echoing);
  const refused = forwardPort(tcp, { listen: { port: taken.port }, to: { host: 'x', port: 1 } });
  await expect(refused).rejects.toMatchObject({
    name: 'PortForwardError',
    message: expect.stringContaining(`cannot listen on 127.0.0.1:${taken.port}: listen EADDRINUSE`),
  });
});

test('closing resets what is open, here and there, and listens no more', async () => {
  const origin = await startTcp(echoing);
  const forward = await throughServer(origin.port);
  const socket = dial(forward.address);
  const failed = once(socket.resume(), 'error');
  await until(() => origin.sockets.size === 1);
  await Promise.all([forward.close(), forward.close()]);
  expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
  await until(() => origin.sockets.size === 0);
  expect((await once(dial(forward.address), 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' });
});

describe('when the connection to the server is cut', () => {
  test('open connections are reset, and new ones wait until it is back', async () => {
    const origin = await startTcp(echoing);
    const proxy = await CutProxy.listen((await startInProcess()).url);
    const client = await connect(proxy.url);
    const { address } = await openForward(client.tcp, { to: { host: '127.0.0.1', port: origin.port } });
    const before = dial(address);
    const failed = once(before.resume(), 'error');
    await until(() => origin.sockets.size === 1);
    proxy.stallNew = true;
    proxy.cutAll();
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' });
    await until(() => origin.sockets.size === 0);
    const meanwhile = dial(address);
    meanwhile.end('came while it was away');
    const answer = text(meanwhile);
    await until(() => proxy.connectionCount > 0);
    proxy.stallNew = false;
    proxy.resume();
    expect(await answer).toBe('came while it was away');
  });

  test('for good, connections are refused with the reason', async () => {
    const server = await startInProcess();
    const client = await connect(server.url);
    const failures: Error[] = [];
    const onConnectFailed = (error: Error) => failures.push(error);
    const { address } = await openForward(client.tcp, { to: { host: '127.0.0.1', port: 1 }, onConnectFailed });
    await server.close();
    await until(() => client.state.status === 'failed');
    await whenClosed(dial(address).on('error', () => undefined));
    expect(failures[0]?.message).toMatch(/shutting down/);
  });
});
