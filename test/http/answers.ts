import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { echo, startOrigin } from './origins.js';
import { type HttpPlace, headerIn, headerOf, redirecting, seenBy } from './place.js';

/** What comes back, redirects included. */
export function answersReturn(place: HttpPlace): void {
  const ours = place.real === undefined;
  const old = place.real === '0.129.0';

  test('response headers come in lower case, with repeats', async () => {
    const origin = await startOrigin((_request, response) => {
      response.sendDate = false;
      response.writeHead(200, [
        ...['X-Mixed', 'A'],
        ...['Set-Cookie', 'a=1'],
        ...['Set-Cookie', 'b=2'],
        ...['X-Empty', ''],
      ]);
      response.end();
    });
    const { headers } = await place.open().request({ method: 'GET', url: origin.url });
    expect(headers.slice(0, 4)).toEqual([
      { name: 'x-mixed', value: 'A' },
      { name: 'set-cookie', value: 'a=1' },
      { name: 'set-cookie', value: 'b=2' },
      { name: 'x-empty', value: '' },
    ]);
  });

  test('gzip is left alone', async () => {
    const packed = gzipSync('gzip payload');
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    });
    const { body, headers } = await place.open().request({ method: 'GET', url: origin.url });
    expect(body.equals(packed)).toBe(true);
    expect(headerOf(headers, 'content-encoding')).toBe('gzip');
  });

  test.each([
    ['GET', 204],
    ['GET', 304],
    ['HEAD', 200],
    ['HEAD', 404],
  ])('%s answered with %i has no body, and the connection serves the next request', async (method, status) => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(status, method === 'HEAD' ? { 'content-length': 5 } : {}).end();
    });
    const client = place.open();
    for (let i = 0; i < 2; i++) {
      expect(await client.request({ method, url: origin.url })).toMatchObject({ status, body: Buffer.alloc(0) });
    }
    if (ours) expect(origin.connections).toBe(1);
  });

  test('an error status is an answer', async () => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(500).end('broken');
    });
    const { status, body } = await place.open().request({ method: 'GET', url: origin.url });
    expect([status, body.toString()]).toEqual([500, 'broken']);
  });

  test.each([
    [302, 'POST', { method: 'GET', body: '' }],
    [303, 'PUT', { method: 'GET', body: '' }],
    [307, 'POST', { method: 'POST', body: 'b' }],
    [308, 'PUT', { method: 'PUT', body: 'b' }],
  ])('%i after %s is followed', async (status, method, expected) => {
    const origin = await startOrigin(redirecting(status, '/there?q'));
    const headers = [{ name: 'content-type', value: 'text/x' }];
    const seen = await seenBy(place.open(), { method, url: `${origin.url}/from`, headers, body: Buffer.from('b') });
    expect(seen).toMatchObject({ ...expected, url: '/there?q' });
    expect(headerIn(seen, 'referer')).toBe(`${origin.url}/from`);
    expect(headerIn(seen, 'content-type')).toBe(expected.body ? 'text/x' : undefined);
  });

  test.skipIf(old)('a redirect is the answer where the policy is to stop', async () => {
    const origin = await startOrigin(redirecting(302, '/there'));
    const request = { method: 'GET', url: `${origin.url}/from`, redirectPolicy: 'stop' } as const;
    const { status, headers } = await place.open().request(request);
    expect([status, headerOf(headers, 'location')]).toEqual([302, '/there']);
  });

  test('credentials stay with their origin when a redirect leads to another', async () => {
    const other = await startOrigin(echo);
    const origin = await startOrigin(redirecting(302, `${other.url}/there`));
    const headers = ['Authorization', 'Cookie', 'X-Kept'].map((name) => ({ name, value: 'v' }));
    const seen = await seenBy(place.open(), { method: 'GET', url: `${origin.url}/from`, headers });
    expect(['authorization', 'cookie', 'x-kept'].map((name) => headerIn(seen, name))).toEqual([
      undefined,
      undefined,
      'v',
    ]);
    expect(headerIn(seen, 'host')).toBe(`127.0.0.1:${other.port}`);
  });

  test('a circle of redirects ends', async () => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(302, { location: '/again' }).end();
    });
    const request = place.open().request({ method: 'GET', url: origin.url });
    await expect(request).rejects.toMatchObject({
      code: -32603,
      ...(old ? {} : { message: expect.stringMatching(/^http\/request failed: too many redirects/) }),
    });
  });
}
