import { describe, expect, test } from 'vitest';
import { atEnd, until } from '../../../test/harness/index.js';
import { createAuthority } from '../../../test/http/certificates.js';
import { echo, refusingPort, startOrigin, startTcpOrigin, startTlsOrigin } from '../../../test/http/origins.js';
import { headerIn, seenBy } from '../../../test/http/place.js';
import { startProxy, startSocksProxy } from '../../../test/http/proxies.js';
import { LocalHttpClient } from './local-http-client.js';
import { bypassesProxy } from './no-proxy.js';

function open(env: NodeJS.ProcessEnv): LocalHttpClient {
  const client = new LocalHttpClient({ env });
  atEnd(() => client.close());
  return client;
}

const get = (url: string) => ({ method: 'GET', url });

describe('a proxy of the environment', () => {
  test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'])('%s is asked for http URLs', async (variable) => {
    const [origin, proxy] = await Promise.all([startOrigin(echo), startProxy()]);
    const seen = await seenBy(open({ [variable]: proxy.url }), get(`${origin.url}/x?y`));
    expect(seen.url).toBe('/x?y');
    expect(headerIn(seen, 'host')).toBe(`127.0.0.1:${origin.port}`);
    expect(proxy.asked).toEqual([`GET ${origin.url}/x?y`]);
  });

  test.each(['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'])('%s opens tunnels for https URLs', async (variable) => {
    const authority = createAuthority();
    const [origin, proxy] = await Promise.all([startTlsOrigin(authority.issue(), echo), startProxy()]);
    const client = open({ [variable]: proxy.url, SSL_CERT_FILE: authority.file });
    expect((await seenBy(client, get(`${origin.url}/x`))).url).toBe('/x');
    expect((await seenBy(client, get(`${origin.url}/y`))).url).toBe('/y');
    expect(proxy.asked).toEqual([`CONNECT 127.0.0.1:${origin.port}`]);
  });

  test('the variable of the scheme goes before that for all, lower case before upper case', async () => {
    const [origin, proxy] = await Promise.all([startOrigin(echo), startProxy()]);
    const dead = `http://127.0.0.1:${await refusingPort()}`;
    await seenBy(
      open({ http_proxy: proxy.url, HTTP_PROXY: dead, all_proxy: dead, https_proxy: dead }),
      get(origin.url),
    );
    expect(proxy.asked.length).toBe(1);
  });

  test('an empty variable is none', async () => {
    const origin = await startOrigin(echo);
    const client = open({ http_proxy: '', HTTP_PROXY: ' ', ALL_PROXY: '' });
    expect((await client.request(get(origin.url))).status).toBe(200);
  });

  test('NO_PROXY keeps it out', async () => {
    const [origin, proxy] = await Promise.all([startOrigin(echo), startProxy()]);
    await seenBy(open({ HTTP_PROXY: proxy.url, NO_PROXY: 'other.test, 127.0.0.0/8' }), get(origin.url));
    expect(proxy.asked).toEqual([]);
  });

  test('user and password are for the proxy, and the origin does not see them', async () => {
    const [origin, proxy] = await Promise.all([startOrigin(echo), startProxy()]);
    const seen = await seenBy(
      open({ HTTP_PROXY: `127.0.0.1:${proxy.port}`.replace(/^/, 'http://me:s%20t@') }),
      get(origin.url),
    );
    expect(proxy.credentials).toEqual([`Basic ${btoa('me:s t')}`]);
    expect(headerIn(seen, 'proxy-authorization')).toBeUndefined();
    expect(headerIn(seen, 'authorization')).toBeUndefined();
  });

  test('a value without a scheme is an http proxy', async () => {
    const [origin, proxy] = await Promise.all([startOrigin(echo), startProxy()]);
    await seenBy(open({ HTTP_PROXY: `127.0.0.1:${proxy.port}` }), get(origin.url));
    expect(proxy.asked.length).toBe(1);
  });

  test('a value that is no proxy fails the request, naming the variable and not the value', async () => {
    const request = open({ ALL_PROXY: 'gopher://me:secret@proxy' }).request(get('http://127.0.0.1:1/'));
    await expect(request).rejects.toMatchObject({
      message: expect.stringMatching(/ALL_PROXY is not the URL of an http, https or socks5 proxy$/),
      data: { kind: 'http_failed', reason: 'proxy', phase: 'connect' },
    });
    await expect(request).rejects.not.toThrow(/secret/);
  });

  test('one that speaks TLS forwards http and opens tunnels for https', async () => {
    const authority = createAuthority();
    const plain = await startOrigin(echo);
    const secure = await startTlsOrigin(authority.issue(), echo);
    const proxy = await startProxy({ certificate: authority.issue() });
    const client = open({ ALL_PROXY: proxy.url, SSL_CERT_FILE: authority.file });
    expect((await seenBy(client, get(`${plain.url}/x`))).url).toBe('/x');
    expect((await seenBy(client, get(`${secure.url}/y`))).url).toBe('/y');
    expect(proxy.asked).toEqual([`GET ${plain.url}/x`, `CONNECT 127.0.0.1:${secure.port}`]);
  });

  test('a tunnel that is refused says what the proxy answered', async () => {
    const proxy = await startProxy({ refuse: 407 });
    const request = open({ HTTPS_PROXY: proxy.url }).request(get('https://origin.test/'));
    await expect(request).rejects.toMatchObject({
      message: expect.stringContaining(
        `the proxy of HTTPS_PROXY (127.0.0.1:${proxy.port}) opened no connection: it answered 407`,
      ),
      data: { reason: 'proxy', phase: 'connect' },
    });
  });

  test('a proxy that is not there is told apart from an origin that is not there', async () => {
    const port = await refusingPort();
    const request = open({ HTTPS_PROXY: `http://127.0.0.1:${port}` }).request(get('https://origin.test/'));
    await expect(request).rejects.toThrow(/the proxy of HTTPS_PROXY .*ECONNREFUSED/);
  });

  test('a proxy that does not answer is given up at the deadline', async () => {
    const proxy = await startTcpOrigin(() => undefined);
    const request = open({ HTTPS_PROXY: proxy.url }).request(get('https://origin.test/'), { timeoutMs: 300 });
    await expect(request).rejects.toThrow(/timed out connecting/);
  });

  test.each(['http', 'https'])('socks5 carries %s, with user and password, and resolves the name', async (scheme) => {
    const authority = createAuthority();
    const origin = await (scheme === 'http' ? startOrigin(echo) : startTlsOrigin(authority.issue(), echo));
    const proxy = await startSocksProxy({ name: 'me', password: 'pass' });
    const client = open({ ALL_PROXY: `socks5h://me:pass@127.0.0.1:${proxy.port}`, SSL_CERT_FILE: authority.file });
    for (const path of ['/one', '/two']) {
      expect((await seenBy(client, get(`${scheme}://localhost:${origin.port}${path}`))).url).toBe(path);
    }
    expect(proxy.asked).toEqual([`localhost:${origin.port}`]);
    expect(proxy.credentials).toEqual(['me:pass']);
  });

  test('a socks5 proxy that refuses says so', async () => {
    const proxy = await startSocksProxy({ name: 'me', password: 'pass' });
    const env = { ALL_PROXY: `socks5://me:wrong@127.0.0.1:${proxy.port}` };
    await expect(open(env).request(get('http://127.0.0.1:1/'))).rejects.toThrow(/it refused the user and password/);
    const right = open({ ALL_PROXY: `socks5://me:pass@127.0.0.1:${proxy.port}` });
    const port = await refusingPort();
    await expect(right.request(get(`http://127.0.0.1:${port}/`))).rejects.toThrow(/connection refused/);
    await until(() => proxy.sockets.size === 0, { what: 'the end of the connections' });
  });
});

describe('NO_PROXY', () => {
  test.each([
    ['*', 'http://any.test/', true],
    ['a.test', 'http://a.test/', true],
    ['a.test', 'http://b.a.test/', true],
    ['.a.test', 'http://a.test/', true],
    ['*.a.test', 'http://b.a.test/', true],
    ['A.TEST', 'http://a.test./', true],
    ['a.test', 'http://ba.test/', false],
    ['a.test:81', 'http://a.test/', false],
    ['a.test:443', 'https://a.test/', true],
    ['x, a.test y', 'http://a.test/', true],
    ['10.0.0.0/8', 'http://10.9.8.7/', true],
    ['10.0.0.0/8', 'http://11.9.8.7/', false],
    ['10.0.0.0/8', 'http://ten.test/', false],
    ['127.0.0.1', 'http://127.0.0.1:8080/', true],
    ['127.0.0.1:80', 'http://127.0.0.1:8080/', false],
    ['0.0.1', 'http://127.0.0.1/', false],
    ['::1', 'http://[::1]/', true],
    ['[::1]:81', 'http://[::1]:81/', true],
    ['[::1]:81', 'http://[::1]/', false],
    ['fd00::/8', 'http://[fd12::1]/', true],
    ['10.0.0.0/', 'http://10.0.0.0/', false],
    ['10.0.0.0/99', 'http://10.0.0.0/', false],
    ['', 'http://a.test/', false],
    [',.,', 'http://a.test/', false],
  ])('%j for %s: %s', (noProxy, url, expected) => {
    expect(bypassesProxy(new URL(url), noProxy)).toBe(expected);
  });
});
