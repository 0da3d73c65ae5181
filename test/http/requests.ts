import { expect, test } from 'vitest';
import { echo, startOrigin, startTcpOrigin } from './origins.js';
import { type HttpPlace, headerIn, seenBy } from './place.js';

/** What reaches the origin. */
export function requestsArrive(place: HttpPlace): void {
  const old = place.real === '0.129.0';

  test('a request arrives as it was made: method, path, headers in order with repeats, body', async () => {
    const origin = await startOrigin(echo);
    const seen = await seenBy(place.open(), {
      method: 'POST',
      url: `${origin.url}/a/../b?x=%20 y#fragment`,
      headers: [
        { name: 'X-One', value: 'a' },
        { name: 'x-one', value: 'b' },
        { name: 'User-Agent', value: 'probe/1' },
        { name: 'X-Empty', value: '' },
      ],
      body: Buffer.from('abc'),
    });
    expect(seen).toEqual({
      method: 'POST',
      url: '/b?x=%20%20y',
      rawHeaders: [
        ...['x-one', 'a', 'x-one', 'b', 'user-agent', 'probe/1', 'x-empty', ''],
        ...['accept', '*/*', 'host', `127.0.0.1:${origin.port}`, 'content-length', '3'],
      ],
      body: 'abc',
    });
  });

  test('the method is sent as it is written', async () => {
    const lines: string[] = [];
    const origin = await startTcpOrigin((socket) => {
      socket.once('data', (bytes: Buffer) => {
        lines.push(String(bytes.toString().split('\r\n')[0]));
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
      });
    });
    for (const method of ['get', 'X-Custom']) await place.open().request({ method, url: `${origin.url}/` });
    expect(lines).toEqual(['get / HTTP/1.1', 'X-Custom / HTTP/1.1']);
  });

  test('nothing is announced for a body that is not there', async () => {
    const origin = await startOrigin(echo);
    for (const method of ['GET', 'POST', 'PROPFIND']) {
      const seen = await seenBy(place.open(), { method, url: `${origin.url}/` });
      expect(seen.rawHeaders).toEqual(['accept', '*/*', 'host', `127.0.0.1:${origin.port}`]);
    }
  });

  test('accept, host and content-length are those of the caller where given', async () => {
    const origin = await startOrigin(echo);
    const own = ['accept', 'text/plain', 'host', 'elsewhere.test', 'content-length', '3'];
    const headers = [0, 2, 4].map((at) => ({ name: own[at] ?? '', value: own[at + 1] ?? '' }));
    const seen = await seenBy(place.open(), {
      method: 'PUT',
      url: `${origin.url}/`,
      headers,
      body: Buffer.from('abc'),
    });
    expect(seen.rawHeaders).toEqual(own);
  });

  test('user and password of the URL become basic authorization', async () => {
    const origin = await startOrigin(echo);
    const seen = await seenBy(place.open(), { method: 'GET', url: `http://user:pa%20ss@127.0.0.1:${origin.port}/` });
    expect(seen.rawHeaders.slice(0, 2)).toEqual(['authorization', `Basic ${btoa('user:pa ss')}`]);
  });

  test('header values beyond ASCII go out as UTF-8', async () => {
    const origin = await startOrigin(echo);
    const headers = [{ name: 'x-name', value: 'Zoë' }];
    const { rawHeaders } = await seenBy(place.open(), { method: 'GET', url: origin.url, headers });
    expect(Buffer.from(rawHeaders[1] ?? '', 'latin1').toString()).toBe('Zoë');
  });

  test.skipIf(old)('a header takes the value of an environment variable of the place', async () => {
    const origin = await startOrigin(echo);
    const headers = [{ name: 'authorization', value: 'Bearer ', valueEnvVar: 'HTTP_BEHAVIOUR_TOKEN' }];
    const { rawHeaders } = await seenBy(place.open(), { method: 'GET', url: origin.url, headers });
    expect(rawHeaders.slice(0, 2)).toEqual(['authorization', `Bearer ${place.token}`]);
  });

  test.skipIf(old)('a header whose environment variable is not set is refused before anything is sent', async () => {
    const origin = await startOrigin(echo);
    const headers = [{ name: 'X-A', value: 'v', valueEnvVar: 'HTTP_BEHAVIOUR_UNSET' }];
    await expect(place.open().request({ method: 'GET', url: origin.url, headers })).rejects.toMatchObject({
      code: -32602,
      message: 'http/request header X-A requires executor environment variable HTTP_BEHAVIOUR_UNSET',
    });
    expect(origin.connections).toBe(0);
  });

  test.each([
    [{ method: 'BAD METHOD' }, 'http/request method is invalid: invalid HTTP method'],
    [{ method: '' }, 'http/request method is invalid: invalid HTTP method'],
    [{ url: '/x' }, 'http/request url is invalid: relative URL without a base'],
    [{ url: '' }, 'http/request url is invalid: relative URL without a base'],
    [{ url: 'http://' }, 'http/request url is invalid: empty host'],
    [{ url: 'http://[::1' }, 'http/request url is invalid: invalid IPv6 address'],
    [{ url: 'ftp://127.0.0.1/x' }, 'http/request only supports http and https URLs, got ftp'],
    [{ headers: [{ name: 'bad name', value: 'x' }] }, 'http/request header name is invalid: invalid HTTP header name'],
    [
      { headers: [{ name: 'X-A', value: 'a\r\nInjected: 1' }] },
      'http/request header value is invalid for X-A: failed to parse header value',
    ],
  ])('what could never be sent is refused: %j', async (part, message) => {
    const request = place.open().request({ method: 'GET', url: 'http://127.0.0.1:1/', ...part });
    await expect(request).rejects.toMatchObject({ code: -32602, message });
  });

  test('an origin is reached over IPv6', async () => {
    const origin = await startOrigin(echo, { host: '::1' });
    const seen = await seenBy(place.open(), { method: 'GET', url: `${origin.url}/` });
    expect(headerIn(seen, 'host')).toBe(`[::1]:${origin.port}`);
  });
}
