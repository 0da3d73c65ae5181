import { createHash } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { atEnd, deferred, until } from '../../test/harness/index.js';
import { echo, readBody, refusingPort, type SeenRequest, startOrigin } from '../../test/http/origins.js';
import { headerIn, redirecting, sendBlocks } from '../../test/http/place.js';
import type { ControlledHandler } from './dispatch-contract.js';
import { createFetch, type Fetch } from './fetch.js';
import { FetchDispatcher } from './fetch-dispatcher.js';
import { LocalHttpClient } from './local/local-http-client.js';
import type { HttpClient, HttpRequest } from './types.js';

function open(): { fetch: Fetch; sent: HttpRequest[] } {
  const client = new LocalHttpClient({ env: {} });
  atEnd(() => client.close());
  const sent: HttpRequest[] = [];
  const noting: HttpClient = {
    request: (...args) => client.request(...args),
    stream: (request, options) => {
      sent.push(request);
      return client.stream(request, options);
    },
    close: () => client.close(),
  };
  return { fetch: createFetch(noting), sent };
}

async function seen(response: Response): Promise<SeenRequest> {
  return (await response.json()) as SeenRequest;
}

describe('requests', () => {
  test('every request goes through the client', async () => {
    const origin = await startOrigin(redirecting(302, '/there'));
    const { fetch, sent } = open();
    await (await fetch(`${origin.url}/from`)).text();
    expect(sent.map(({ url }) => url)).toEqual([`${origin.url}/from`, `${origin.url}/there`]);
  });

  test('a Request, an URL and text are taken, with Headers of every shape', async () => {
    const origin = await startOrigin(echo);
    const { fetch } = open();
    const request = new Request(`${origin.url}/r`, { method: 'PUT', headers: { 'x-a': '1' }, body: 'text' });
    expect(await seen(await fetch(request))).toMatchObject({ method: 'PUT', url: '/r', body: 'text' });
    const headers = new Headers([['x-a', '1']]);
    headers.append('x-a', '2');
    const withHeaders = await seen(await fetch(new URL(`${origin.url}//u`), { headers }));
    expect(headerIn(withHeaders, 'x-a')).toBe('1, 2');
    expect(withHeaders.url).toBe('//u');
  });

  test.each([
    ['text', () => 'a=ü', 'text/plain;charset=UTF-8', /^a=Ã¼$/],
    [
      'URLSearchParams',
      () => new URLSearchParams({ a: 'b c' }),
      'application/x-www-form-urlencoded;charset=UTF-8',
      /^a=b\+c$/,
    ],
    ['a Blob', () => new Blob(['blob'], { type: 'x/y' }), 'x/y', /^blob$/],
    ['bytes', () => new Uint8Array([97, 98]).subarray(1), undefined, /^b$/],
    ['FormData', formData, /^multipart\/form-data; boundary=/, /name="file"; filename="f.txt"[\s\S]*content of it/],
  ])('a body of %s arrives', async (_, body, type, text) => {
    const origin = await startOrigin(echo);
    const request = await seen(await open().fetch(origin.url, { method: 'POST', body: body() }));
    const contentType = headerIn(request, 'content-type');
    if (type instanceof RegExp) expect(contentType).toMatch(type);
    else expect(contentType).toBe(type);
    expect(request.body).toMatch(text);
    expect(headerIn(request, 'content-length')).toBe(String(Buffer.from(request.body, 'latin1').length));
  });

  test('a stream is sent while it is made, and the answer read while it is sent', async () => {
    const origin = await startOrigin((request, response) => {
      request.pipe(response);
    });
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const response = await Promise.all([
      open().fetch(origin.url, { method: 'POST', body: readable, duplex: 'half' }),
      writer.write(Buffer.from('one')),
    ]).then(([answer]) => answer);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(String(Buffer.from((await reader.read()).value ?? []))).toBe('one');
    await writer.write(Buffer.from('two'));
    expect(String(Buffer.from((await reader.read()).value ?? []))).toBe('two');
    await writer.close();
    expect((await reader.read()).done).toBe(true);
  });

  test('a large body is streamed', async () => {
    const origin = await startOrigin(async (request, response) => {
      response.end(
        createHash('sha256')
          .update(await readBody(request))
          .digest('hex'),
      );
    });
    const content = Buffer.alloc(5 * 1024 * 1024, 'abcdefg');
    const { fetch, sent } = open();
    const answer = await (await fetch(origin.url, { method: 'POST', body: content })).text();
    expect(answer).toBe(createHash('sha256').update(content).digest('hex'));
    expect(Buffer.isBuffer(sent[0]?.body)).toBe(false);
  });

  test('header values beyond ASCII arrive as the bytes that they are', async () => {
    const origin = await startOrigin((request, response) => {
      response.setHeader('x-back', String(request.headers['x-name'])).end();
    });
    const bytes = Buffer.from('Zoë').toString('latin1'); // as fetch wants them: a character for each byte
    const response = await open().fetch(origin.url, { headers: { 'x-name': bytes } });
    expect(response.headers.get('x-back')).toBe(bytes);
  });
});

describe('responses', () => {
  test('they are those of this Node, with status, text, URL and headers', async () => {
    const origin = await startOrigin((_request, response) => {
      response
        .writeHead(201, 'Made', [...['Set-Cookie', 'a=1'], ...['Set-Cookie', 'b=2'], ...['X-A', '1']])
        .end('body');
    });
    const response = await open().fetch(`${origin.url}/x#fragment`);
    expect(response).toBeInstanceOf(Response);
    expect([response.status, response.statusText, response.url]).toEqual([201, 'Made', `${origin.url}/x`]);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const copy = response.clone();
    expect([await response.text(), response.bodyUsed, await copy.text()]).toEqual(['body', true, 'body']);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('%s is decoded', async (encoding, compress) => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(compress('payload'));
    });
    expect(await (await open().fetch(origin.url)).text()).toBe('payload');
  });

  test.each([
    ['GET', 204],
    ['GET', 205],
    ['GET', 304],
    ['HEAD', 200],
  ])('%s answered with %i has no body', async (method, status) => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(status).end();
    });
    const response = await open().fetch(origin.url, { method });
    expect([response.status, await response.text()]).toEqual([status, '']);
  });

  test('redirects are followed, refused or shown, as is asked', async () => {
    const origin = await startOrigin(redirecting(302, '/there'));
    const { fetch } = open();
    const followed = await fetch(`${origin.url}/from`);
    expect([followed.redirected, followed.url]).toEqual([true, `${origin.url}/there`]);
    const shown = await fetch(`${origin.url}/from`, { redirect: 'manual' });
    expect([shown.status, shown.headers.get('location')]).toEqual([302, '/there']);
    await expect(fetch(`${origin.url}/from`, { redirect: 'error' })).rejects.toThrow(TypeError);
  });

  test('64 MiB pass, and who does not read stops the origin', { timeout: 60_000 }, async () => {
    const block = Buffer.alloc(1024 * 1024, 'x');
    const origin = await startOrigin((_request, response) => sendBlocks(response, block, 64));
    const response = await open().fetch(origin.url);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let size = (await reader.read()).value?.length ?? 0;
    const [socket] = origin.sockets;
    let before = -1;
    let still = 0;
    await until(() => {
      still = socket?.bytesWritten === before ? still + 1 : 0;
      before = socket?.bytesWritten ?? 0;
      return still >= 40;
    });
    expect(before).toBeLessThan(48 * block.length);
    for (let next = await reader.read(); !next.done; next = await reader.read()) size += next.value.length;
    expect(size).toBe(64 * block.length);
  });

  test('data: URLs need no client', async () => {
    const { fetch, sent } = open();
    expect(await (await fetch('data:text/plain,hello')).text()).toBe('hello');
    expect(sent).toEqual([]);
  });

  test('integrity is checked', async () => {
    const origin = await startOrigin((_request, response) => {
      response.end('payload');
    });
    const { fetch } = open();
    const digest = createHash('sha256').update('payload').digest('base64');
    expect((await fetch(origin.url, { integrity: `sha256-${digest}` })).status).toBe(200);
    const wrong = createHash('sha256').update('other').digest('base64');
    await expect(fetch(origin.url, { integrity: `sha256-${wrong}` })).rejects.toThrow(TypeError);
  });
});

describe('failures', () => {
  test('a request that fails is a TypeError with the reason as its cause', async () => {
    const failing = open().fetch(`http://127.0.0.1:${await refusingPort()}/`);
    await expect(failing).rejects.toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      cause: { name: 'WireError', data: { kind: 'http_failed', reason: 'connection_refused' } },
    });
  });

  test('a body that is cut short fails the read', async () => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('partial', () => response.destroy());
    });
    const response = await open().fetch(origin.url);
    await expect(response.text()).rejects.toMatchObject({ cause: { data: { reason: 'body_cut_short' } } });
  });

  test.each([
    undefined,
    new Error('enough'),
  ])('a signal aborts a request that waits, with its reason: %s', async (reason) => {
    const origin = await startOrigin(() => undefined);
    const giveUp = new AbortController();
    const failing = open().fetch(origin.url, { signal: giveUp.signal });
    await until(() => origin.connections === 1);
    giveUp.abort(reason);
    await expect(failing).rejects.toBe(giveUp.signal.reason);
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('a signal aborts a body that is being read', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const giveUp = new AbortController();
    const response = await open().fetch(origin.url, { signal: giveUp.signal });
    const reading = response.text();
    giveUp.abort();
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('cancelling the body closes the connection', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const response = await open().fetch(origin.url);
    await response.body?.cancel();
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('a request body that fails fails the request', async () => {
    const origin = await startOrigin(echo);
    const body = new ReadableStream({
      pull(controller) {
        controller.error(new Error('the source is gone'));
      },
    });
    await expect(open().fetch(origin.url, { method: 'POST', body, duplex: 'half' })).rejects.toThrow(TypeError);
  });
});

test('it stays itself when it takes the place of the global fetch', async () => {
  const origin = await startOrigin(echo);
  const { fetch } = open();
  const before = globalThis.fetch;
  atEnd(() => {
    globalThis.fetch = before;
  });
  globalThis.fetch = fetch;
  expect((await globalThis.fetch(origin.url)).status).toBe(200);
});

test('a handler of the newer shape is told the same, and can pause and abort', async () => {
  const origin = await startOrigin((_request, response) => {
    response.writeHead(200, 'Fine', [...['Set-Cookie', 'a=1'], ...['Set-Cookie', 'b=2'], ...['X-A', '1']]);
    response.end('body');
  });
  const client = new LocalHttpClient({ env: {} });
  atEnd(() => client.close());
  const told: unknown[] = [];
  const ended = deferred<void>();
  const handler: ControlledHandler = {
    onRequestStart: () => told.push('start'),
    onResponseStart: (_controller, status, headers, text) =>
      told.push(status, headers['set-cookie'], headers['x-a'], text),
    onResponseData: (controller, chunk) => {
      controller.pause();
      told.push(String(chunk), 'paused');
      setImmediate(() => {
        told.push('resumed');
        controller.resume();
      });
    },
    onResponseEnd: () => {
      told.push('end');
      ended.resolve();
    },
    onResponseError: (_controller, error) => ended.reject(error),
  };
  const dispatcher = new FetchDispatcher(client);
  dispatcher.dispatch({ origin: origin.url, path: '/', method: 'GET' }, handler);
  await ended.promise;
  expect(told).toEqual(['start', 200, ['a=1', 'b=2'], '1', 'Fine', 'body', 'paused', 'resumed', 'end']);

  const failed = deferred<unknown>();
  const aborting = { ...handler, onResponseError: (_controller: unknown, error: unknown) => failed.resolve(error) };
  const reason = new Error('enough');
  aborting.onRequestStart = (controller) => controller.abort(reason);
  dispatcher.dispatch({ origin: origin.url, path: '/', method: 'GET' }, aborting);
  expect(await failed.promise).toBe(reason);
});

function formData(): FormData {
  const form = new FormData();
  form.set('name', 'value');
  form.set('file', new File(['content of it'], 'f.txt', { type: 'text/plain' }));
  return form;
}
