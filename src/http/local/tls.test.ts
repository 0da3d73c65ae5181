import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { atEnd, scratchDirectory } from '../../../test/harness/index.js';
import { createAuthority } from '../../../test/http/certificates.js';
import { echo, startOrigin, startTcpOrigin, startTlsOrigin } from '../../../test/http/origins.js';
import { seenBy } from '../../../test/http/place.js';
import { LocalHttpClient } from './local-http-client.js';

function open(env: NodeJS.ProcessEnv): LocalHttpClient {
  const client = new LocalHttpClient({ env });
  atEnd(() => client.close());
  return client;
}

const get = (url: string) => ({ method: 'GET', url });

describe('certificates', () => {
  test.each(['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'CODEX_CA_CERTIFICATE'])('%s is trusted', async (variable) => {
    const authority = createAuthority();
    const origin = await startTlsOrigin(authority.issue(), echo);
    const client = open({ [variable]: authority.file });
    expect((await seenBy(client, get(`${origin.url}/x`))).url).toBe('/x');
    expect((await seenBy(client, get(`${origin.url}/x`))).url).toBe('/x');
    expect(origin.connections).toBe(1);
  });

  test.each([
    ['of an unknown authority', {}, false, /unable to verify the first certificate|unable to get/],
    ['that has expired', { expired: true }, true, /certificate has expired/],
    ['for another name', { names: 'DNS:other.test' }, true, /does not match certificate's altnames/],
  ])('one %s is refused, and the request never sent', async (_, options, trusted, text) => {
    const authority = createAuthority();
    const origin = await startTlsOrigin(authority.issue(options), () => expect.fail('it was sent'));
    const request = open(trusted ? { SSL_CERT_FILE: authority.file } : {}).request(get(origin.url));
    await expect(request).rejects.toMatchObject({
      message: expect.stringMatching(text),
      data: { kind: 'http_failed', reason: 'certificate', phase: 'connect' },
    });
    await expect(request).rejects.not.toHaveProperty('data.mayHaveExecuted');
  });

  test('the name of the URL counts, not that of the host header', async () => {
    const authority = createAuthority();
    const origin = await startTlsOrigin(authority.issue({ names: 'DNS:localhost' }), echo);
    const client = open({ SSL_CERT_FILE: authority.file });
    const headers = [{ name: 'host', value: 'elsewhere.test' }];
    const url = `https://localhost:${origin.port}/`;
    expect((await client.request({ ...get(url), headers })).status).toBe(200);
    const wrong = { ...get(origin.url), headers: [{ name: 'host', value: 'localhost' }] };
    await expect(client.request(wrong)).rejects.toMatchObject({ data: { reason: 'certificate' } });
  });

  test.each([
    ['missing', undefined, /no such file/],
    ['not PEM', 'hello', /holds no PEM certificate/],
    ['malformed', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /malformed/],
  ])('a file that is %s fails https requests, naming the variable, and no others', async (_, content, text) => {
    const file = join(scratchDirectory(), 'ca.pem');
    if (content !== undefined) writeFileSync(file, content);
    const client = open({ CODEX_CA_CERTIFICATE: file });
    const request = client.request(get('https://127.0.0.1:1/'));
    await expect(request).rejects.toThrow(/environment variable CODEX_CA_CERTIFICATE \(.*correct the file or unset it/);
    await expect(request).rejects.toThrow(text);
    const origin = await startOrigin(echo);
    expect((await client.request(get(origin.url))).status).toBe(200);
  });

  test('time runs out in an unfinished handshake as in connecting', async () => {
    const origin = await startTcpOrigin(() => undefined);
    const request = open({}).request(get(`https://127.0.0.1:${origin.port}/`), { timeoutMs: 300 });
    await expect(request).rejects.toMatchObject({
      message: expect.stringContaining('timed out connecting after 300 ms'),
      data: { reason: 'timed_out', phase: 'connect' },
    });
  });

  test('an origin that does not speak TLS says so', async () => {
    const origin = await startOrigin(echo);
    const request = open({}).request(get(`https://127.0.0.1:${origin.port}/`));
    await expect(request).rejects.toMatchObject({
      message: expect.stringContaining('no TLS connection'),
      data: { reason: 'tls', phase: 'connect' },
    });
  });
});
