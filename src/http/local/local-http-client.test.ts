import { describe, expect, test } from 'vitest';
import { atEnd, deferred, until } from '../../../test/harness/index.js';
import { httpBehaves } from '../../../test/http/http-behaviour.js';
import { echo, type Origin, readBody, startOrigin, startTcpOrigin } from '../../../test/http/origins.js';
import { readAll, redirecting } from '../../../test/http/place.js';
import { LocalHttpClient } from './local-http-client.js';

function open(env: NodeJS.ProcessEnv = {}): LocalHttpClient {
  const client = new LocalHttpClient({ env });
  atEnd(() => client.close());
  return client;
}

const get = (url: string) => ({ method: 'GET', url });

describe('HTTP from here', () => {
  httpBehaves({ open: () => open({ HTTP_BEHAVIOUR_TOKEN: 's3cret' }), token: 's3cret' });
});

describe('connections', () => {
  test('one is used again once an answer has been read', async () => {
    const origin = await startOrigin(echo);
    const client = open();
    for (const method of ['GET', 'POST', 'PUT']) {
      const body = method === 'GET' ? undefined : Buffer.from('b');
      await client.request({ method, url: origin.url, body });
    }
    expect(origin.connections).toBe(1);
  });

  test('a redirect with a small body keeps it', async () => {
    const origin = await startOrigin((request, response) => {
      if (request.url !== '/from') return echo(request, response);
      response.writeHead(302, { location: '/there', 'content-length': 2 }).end('hi');
    });
    const client = open();
    await client.request(get(`${origin.url}/from`));
    await client.request(get(`${origin.url}/from`));
    expect(origin.connections).toBe(1);
  });

  test('a kept one that the origin has closed costs no idempotent request', async () => {
    const origin = await closingAfterFirst();
    const client = open();
    expect((await client.request(get(origin.url))).body.toString()).toBe('ok');
    expect((await client.request(get(origin.url))).body.toString()).toBe('ok');
    expect(origin.connections).toBe(2);
  });

  test('a POST on a kept one that the origin closes is not sent twice, and says that it may have had its effect', async () => {
    const origin = await closingAfterFirst();
    const client = open();
    await client.request(get(origin.url));
    const post = client.request({ method: 'POST', url: origin.url, body: Buffer.from('b') });
    await expect(post).rejects.toMatchObject({ data: { reason: 'connection_reset', mayHaveExecuted: true } });
    expect(origin.connections).toBe(1);
  });

  test('closing the client ends what is under way, closes what is kept, and refuses what comes after', async () => {
    const origin = await startOrigin((request, response) => {
      if (request.url === '/quick') response.end();
      else response.write('first');
    });
    const client = open();
    const response = await client.stream(get(origin.url));
    await client.request(get(`${origin.url}/quick`));
    expect(origin.sockets.size).toBe(2);
    await Promise.all([client.close(), client.close()]);
    await expect(readAll(response.body)).rejects.toMatchObject({ data: { kind: 'cancelled' } });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connections' });
    await expect(client.request(get(origin.url))).rejects.toMatchObject({ data: { kind: 'cancelled' } });
  });
});

describe('answers of a peculiar kind', () => {
  test('headers of 100 KiB are read', async () => {
    const origin = await startOrigin((_request, response) => {
      response.writeHead(200, { 'x-long': 'v'.repeat(100 * 1024) }).end();
    });
    const { headers } = await open().request(get(origin.url));
    expect(headers.find(({ name }) => name === 'x-long')?.value.length).toBe(100 * 1024);
  });

  test('header values are read as UTF-8, else byte by byte', async () => {
    const origin = await startTcpOrigin((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 Gr\u00fc\u00df\r\nx-utf8: Zo\u00c3\u00ab\r\nx-latin: Zo\u00eb\r\n\r\n', 'latin1');
        socket.end();
      });
    });
    const { headers, statusText } = await open().request(get(origin.url));
    expect(headers.map(({ value }) => value)).toEqual(['Zoë', 'Zoë']);
    expect(statusText).toBe('Grüß');
  });

  test('hints before the answer are passed over', async () => {
    const origin = await startOrigin((_request, response) => {
      response.writeProcessing();
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      response.end('done');
    });
    expect((await open().request(get(origin.url))).body.toString()).toBe('done');
  });

  test('a change of protocol is refused', async () => {
    const origin = await startTcpOrigin((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'));
    });
    await expect(open().request(get(origin.url))).rejects.toThrow(/switched protocols/);
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('an answer that does not wait for the whole request stops the upload, not the answer', async () => {
    const stopped = deferred<void>();
    const origin = await startOrigin((_request, response) => {
      response.writeHead(413).end('too much');
    });
    async function* endless(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.alloc(64 * 1024);
      } finally {
        stopped.resolve();
      }
    }
    const { status, body } = await open().request({ method: 'POST', url: origin.url, body: endless() });
    expect([status, body.toString()]).toEqual([413, 'too much']);
    await stopped.promise;
  });
});

describe('a streamed request body', () => {
  test('with a content-length is sent without chunks, and held to it', async () => {
    const origin = await startOrigin(echo);
    const send = (length: number) => {
      const headers = [{ name: 'content-length', value: String(length) }];
      return open().request({ method: 'POST', url: origin.url, headers, body: pieces('ab', 'cd') });
    };
    expect(JSON.parse((await send(4)).body.toString())).toMatchObject({ body: 'abcd' });
    await expect(send(3)).rejects.toThrow(/longer than content-length 3/);
    await expect(send(5)).rejects.toThrow(/ended after 4 bytes, content-length is 5/);
  });

  test('cannot follow a redirect that wants it again', async () => {
    const origin = await startOrigin(async (request, response) => {
      await readBody(request);
      response.writeHead(307, { location: '/there' }).end();
    });
    const request = open().request({ method: 'POST', url: `${origin.url}/from`, body: pieces('a') });
    await expect(request).rejects.toThrow(/cannot be sent twice; send it from a buffer/);
  });

  test('is pulled at the pace of the origin', async () => {
    const origin = await startOrigin(() => undefined); // does not read
    const giveUp = new AbortController();
    let pulled = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        pulled += 1024 * 1024;
        yield Buffer.alloc(1024 * 1024);
      }
    }
    const request = open().request({ method: 'POST', url: origin.url, body: endless() }, { signal: giveUp.signal });
    request.catch(() => undefined);
    let before = -1;
    let still = 0;
    await until(() => {
      still = pulled === before && pulled > 0 ? still + 1 : 0;
      before = pulled;
      return still >= 40;
    });
    expect(pulled).toBeLessThan(64 * 1024 * 1024);
    giveUp.abort();
    await expect(request).rejects.toMatchObject({ data: { kind: 'cancelled' } });
  });
});

describe('what would confuse an origin is refused', () => {
  test.each([
    [[{ name: 'content-length', value: '5' }], /content-length is 5, but the body has 3 bytes/],
    [[{ name: 'content-length', value: 'three' }], /must be one number/],
    [['3', '3'].map((value) => ({ name: 'Content-Length', value })), /must be one number, .*got 3, 3/],
    [
      [
        { name: 'content-length', value: '3' },
        { name: 'transfer-encoding', value: 'chunked' },
      ],
      /without transfer-encoding/,
    ],
  ])('%j', async (headers, text) => {
    const request = { method: 'POST', url: 'http://127.0.0.1:1/', headers, body: Buffer.from('abc') };
    await expect(open().request(request)).rejects.toThrow(text);
  });

  test('CONNECT', async () => {
    await expect(open().request({ method: 'CONNECT', url: 'http://127.0.0.1:1/' })).rejects.toThrow(/opens a tunnel/);
  });
});

test('a redirect to what is not http is not followed', async () => {
  for (const location of ['file:///etc/passwd', 'http://[']) {
    const origin = await startOrigin(redirecting(302, location));
    await expect(open().request(get(`${origin.url}/from`))).rejects.toThrow(/redirect not followed: its location/);
  }
});

/** Answers the first request of its first connection, and closes that one when a second comes. */
async function closingAfterFirst(): Promise<Origin> {
  let first = true;
  return await startTcpOrigin((socket) => {
    const closes = first;
    first = false;
    let requests = 0;
    socket.on('data', () => {
      requests++;
      if (closes && requests === 2) socket.destroy();
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  });
}

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}
