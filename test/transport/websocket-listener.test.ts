import { describe, expect, test } from 'vitest';
import {
  exchangeHttp,
  listenForChannels,
  openTcp,
  RawWebSocket,
  requestText,
  until,
  upgradeRequest,
  whenClosed,
  within,
} from '../harness/index.js';

const host = (url: string) => new URL(url).host;

describe('an upgrade', () => {
  test('is answered with 101 and without the subprotocol and the extension that were offered', async () => {
    const { url } = await listenForChannels();
    const offers = { 'sec-websocket-protocol': 'a, b', 'sec-websocket-extensions': 'permessage-deflate' };
    const { status, headers } = await exchangeHttp(url, upgradeRequest({ host: host(url), ...offers }));
    expect(status).toBe(101);
    expect(headers.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    expect([...headers.keys()]).not.toContain('sec-websocket-protocol');
    expect([...headers.keys()]).not.toContain('sec-websocket-extensions');
  });

  test.each([
    ['on another path', 404, (h: string) => upgradeRequest({ host: h }, { path: '/other' })],
    ['with a query', 404, (h: string) => upgradeRequest({ host: h }, { path: '/?token=x' })],
    ['without a key', 400, (h: string) => upgradeRequest({ host: h, 'sec-websocket-key': '' })],
    ['of an old version', 400, (h: string) => upgradeRequest({ host: h, 'sec-websocket-version': '12' })],
    ['with HTTP/1.0', 426, (h: string) => upgradeRequest({ host: h }, { version: '1.0' })],
  ])('%s is answered with %i', async (_name, status, text) => {
    const { url } = await listenForChannels();
    expect((await exchangeHttp(url, text(host(url)))).status).toBe(status);
  });

  test('is refused before anything else with the status and reason that the owner gives', async () => {
    const { url } = await listenForChannels('ws://127.0.0.1:0', { refuse: () => ({ status: 403, reason: 'not you' }) });
    const upgrade = await exchangeHttp(url, upgradeRequest({ host: host(url) }, { path: '/other' }));
    expect([upgrade.status, upgrade.body]).toEqual([403, 'not you\n']);
    const plain = await exchangeHttp(url, requestText(url, '/'));
    expect(plain.status).toBe(403);
    expect(plain.body).toContain('not you');
  });
});

describe('a refused client', () => {
  test('that keeps its side open is let go of', async () => {
    const { url } = await listenForChannels('ws://127.0.0.1:0', { refuse: () => ({ status: 403, reason: 'no' }) });
    const socket = await openTcp(url);
    socket.allowHalfOpen = true;
    const closed = whenClosed(socket);
    socket.write(upgradeRequest({ host: host(url) }));
    socket.resume();
    await until(() => socket.readableEnded);
    // Writing into a socket that the other side has destroyed is answered with a reset.
    const writing = setInterval(() => socket.write('still here'), 5);
    await within(closed, 2_000, 'the end').finally(() => clearInterval(writing));
  });

  test('that resets the connection harms nobody', async () => {
    const { url } = await listenForChannels('ws://127.0.0.1:0', {
      refuse: ({ headers }) => (headers.origin ? { status: 403, reason: 'no' } : undefined),
    });
    for (let i = 0; i < 50; i++) {
      const socket = await openTcp(url);
      socket.write(upgradeRequest({ host: host(url), origin: 'http://evil' }));
      socket.resetAndDestroy();
    }
    await RawWebSocket.open(url);
  });
});

test('a client that sends no HTTP is turned away, and one that sends garbage frames is closed', async () => {
  const listener = await listenForChannels();
  const noise = await openTcp(listener.url);
  const gone = whenClosed(noise);
  noise.resume();
  noise.write('\x16\x03\x01 this is TLS\r\n\r\n');
  await within(gone, 5_000, 'the end');

  const raw = await RawWebSocket.open(listener.url);
  const server = await listener.accepted();
  raw.socket.write(Buffer.from([0xff, 0x00, 0x00]));
  expect((await server.closed).reason).toMatch(/Invalid WebSocket frame/);
});

test('IPv6 is listened on, and its URL says so', async () => {
  const listener = await listenForChannels('ws://[::1]:0');
  expect(listener.url).toMatch(/^ws:\/\/\[::1\]:\d+$/);
  const raw = await RawWebSocket.open(listener.url);
  const server = await listener.accepted();
  raw.send({ payload: Buffer.from('hello') });
  await server.count(1);
  expect(server.channel.description).toMatch(/^websocket ::1:\d+$/);
});

test('a port that is taken is refused with why', async () => {
  const { url } = await listenForChannels();
  await expect(listenForChannels(url)).rejects.toThrow(/cannot listen there: .*EADDRINUSE/);
});

test('closing stops listening, and leaves open connections alone', async () => {
  const listener = await listenForChannels();
  const raw = await RawWebSocket.open(listener.url);
  const server = await listener.accepted();
  await listener.close();
  await expect(openTcp(listener.url)).rejects.toThrow(/ECONNREFUSED/);
  raw.send({ payload: Buffer.from('still here') });
  await server.count(1);
});
