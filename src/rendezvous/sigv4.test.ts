import { createHash } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import { afterEach, expect, test, vi } from 'vitest';
import { awsCredentials } from './aws-credentials.js';
import { type SignedRequest, verifySigV4 } from './sigv4.js';

const SECRET = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const credentials = awsCredentials({
  AKIDEXAMPLE: { secretAccessKey: SECRET, subject: 'the fleet', environments: ['box-*'] },
});

afterEach(() => {
  vi.useRealTimers();
});

/** A request that fits, signed like those of executors, changed afterwards by `tamper`. */
async function signed({ secret = SECRET, at = new Date(), hash = false } = {}): Promise<SignedRequest> {
  const body = Buffer.from('{"transport":"direct_jsonrpc_v1"}');
  const signer = new SignatureV4({
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: secret },
    region: 'us-east-1',
    service: 'execute-api',
    sha256: Sha256,
    applyChecksum: hash,
  });
  const headers = { host: 'rendezvous.example', 'content-type': 'application/json' };
  const path = '/cloud/environment/box-1/direct/register';
  const request = { method: 'POST', protocol: 'https:', hostname: 'rendezvous.example', path, headers, body };
  const result = await signer.sign(request, { signingDate: at });
  return { method: 'POST', url: path, headers: result.headers, body };
}

test("the first of AWS's own examples", async () => {
  vi.useFakeTimers({ now: new Date('2015-08-30T12:36:00Z'), toFake: ['Date'] });
  const authorization =
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, ' +
    'Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';
  const headers = { host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z', authorization };
  expect(await verifySigV4({ method: 'GET', url: '/', headers, body: Buffer.alloc(0) }, credentials)).toEqual({
    subject: 'the fleet',
    role: 'executor',
    environments: ['box-*'],
  });
});

test('a request that fits, with and without the hash of its body in a header', async () => {
  for (const hash of [true, false]) {
    expect(await verifySigV4(await signed({ hash }), credentials)).toMatchObject({ subject: 'the fleet' });
  }
});

const with_ = (request: SignedRequest, headers: Record<string, string>): SignedRequest => ({
  ...request,
  headers: { ...request.headers, ...headers },
});

test.each<[string, (request: SignedRequest) => SignedRequest, RegExp]>([
  ['another path', (request) => ({ ...request, url: '/cloud/environment/box-2/direct/register' }), /does not fit/],
  ['another method', (request) => ({ ...request, method: 'PUT' }), /does not fit/],
  ['a query', (request) => ({ ...request, url: `${request.url}?a=b` }), /does not fit/],
  ['another body', (request) => ({ ...request, body: Buffer.from('{}') }), /does not fit/],
  ['another host', (request) => with_(request, { host: 'elsewhere.example' }), /does not fit/],
  [
    'a hash that is not that of the body',
    (request) => with_(request, { 'x-amz-content-sha256': createHash('sha256').digest('hex') }),
    /not the hash of the body/,
  ],
  [
    'a body that is not signed',
    (request) => with_(request, { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
    /not the hash/,
  ],
  [
    'a host that is not signed',
    (request) => with_(request, { authorization: request.headers.authorization?.replace('host;', '') ?? '' }),
    /`host` must be signed/,
  ],
  [
    'an unknown key',
    (request) =>
      with_(request, { authorization: request.headers.authorization?.replace('AKIDEXAMPLE', 'AKIDOTHER') ?? '' }),
    /none of those that were configured/,
  ],
  ['no date', (request) => with_(request, { 'x-amz-date': '' }), /`x-amz-date` is missing/],
  [
    'no scope',
    (request) => with_(request, { authorization: 'AWS4-HMAC-SHA256 Credential=A' }),
    /expected `Credential=/,
  ],
])('%s is refused', async (_name, tamper, problem) => {
  await expect(verifySigV4(tamper(await signed()), credentials)).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringMatching(problem),
  });
});

test('a request signed with another secret, or too long ago, is refused', async () => {
  await expect(verifySigV4(await signed({ secret: 'guessed' }), credentials)).rejects.toThrow(/does not fit/);
  const old = await signed({ at: new Date(Date.now() - 6 * 60_000) });
  await expect(verifySigV4(old, credentials)).rejects.toThrow(/it was made at 20.* and here it is 20/);
});
