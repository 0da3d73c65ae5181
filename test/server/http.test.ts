import { describe, expect, test } from 'vitest';
import {
  exchangeHttp,
  RawClient,
  requestText,
  scratchDirectory,
  startInProcess,
  upgradeRequest,
} from '../harness/index.js';

const port = (url: string) => new URL(url).port;

describe('health', () => {
  test.each(['/livez', '/readyz'])('%s answers GET and HEAD with 200, and nothing else', async (path) => {
    const { url } = await startInProcess();
    expect((await exchangeHttp(url, requestText(url, path))).status).toBe(200);
    expect((await exchangeHttp(url, requestText(url, path, { method: 'HEAD' }))).status).toBe(200);
    const post = await exchangeHttp(
      url,
      requestText(url, path, { method: 'POST', headers: { 'content-length': '0' } }),
    );
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET,HEAD']);
  });

  test.each([
    ['/', 400],
    ['/other', 404],
    ['/readyz/', 404],
  ])('%s without an upgrade is %i', async (path, status) => {
    const { url } = await startInProcess();
    expect((await exchangeHttp(url, requestText(url, path))).status).toBe(status);
  });
});

describe('browsers are kept out', () => {
  test.each([
    'http://localhost',
    'https://evil.example',
    'null',
    '',
  ])('the Origin `%s` is refused with 403', async (origin) => {
    const { url } = await startInProcess();
    const { host } = new URL(url);
    // An empty value would leave the header out of `upgradeRequest`.
    const text = upgradeRequest({ host, origin: 'X' }).replace('origin: X', `origin: ${origin}`);
    expect((await exchangeHttp(url, text)).status).toBe(403);
    const plain = requestText(url, '/readyz', { headers: { origin } });
    expect((await exchangeHttp(url, plain)).status).toBe(403);
  });

  test.each([
    'evil.example',
    'evil.example:80',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'localhost.',
    '[::1',
    '::1',
    '127.1',
  ])('the Host `%s` is refused with 403', async (host) => {
    const { url } = await startInProcess();
    const answer = await exchangeHttp(url, upgradeRequest({ host }));
    expect(answer.status).toBe(403);
    expect(answer.body).toMatch(/Host header/);
    expect((await exchangeHttp(url, requestText(url, '/livez', { headers: { host } }))).status).toBe(403);
  });

  test.each([
    '127.0.0.1',
    'localhost',
    'LOCALHOST',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '10.1.2.3',
  ])('the Host `%s` is let in, with and without a port', async (host) => {
    const { url } = await startInProcess();
    expect((await exchangeHttp(url, upgradeRequest({ host }))).status).toBe(101);
    expect((await exchangeHttp(url, upgradeRequest({ host: `${host}:${port(url)}` }))).status).toBe(101);
  });

  test('a name that was configured is let in', async () => {
    const { url } = await startInProcess({ allowedHosts: ['box.internal'] });
    expect((await exchangeHttp(url, upgradeRequest({ host: 'Box.Internal:443' }))).status).toBe(101);
    expect((await exchangeHttp(url, upgradeRequest({ host: 'other.internal' }))).status).toBe(403);
  });
});

test('a server listens on several addresses at once', async () => {
  const socket = `unix://${scratchDirectory()}/exec.sock`;
  const { urls } = await startInProcess({ listen: ['ws://127.0.0.1:0', 'ws://[::1]:0', socket] });
  expect(urls[1]).toMatch(/^ws:\/\/\[::1\]:\d+$/);
  for (const url of urls) await RawClient.open(url);
});

test('an address that other machines can reach is refused, unless that is asked for', async () => {
  await expect(startInProcess({ listen: 'ws://0.0.0.0:0' })).rejects.toThrow(
    /which other machines can reach, without authentication/,
  );
  await startInProcess({ listen: 'ws://0.0.0.0:0', insecureNoAuth: true });
});
