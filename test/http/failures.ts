import { expect, test } from 'vitest';
import { deferred, until } from '../harness/index.js';
import { createAuthority } from './certificates.js';
import { echo, refusingPort, startDeafPort, startOrigin, startTcpOrigin, startTlsOrigin } from './origins.js';
import type { HttpPlace } from './place.js';

/** What is said when there is no answer, or not all of it. */
export function failuresTell(place: HttpPlace): void {
  const ours = place.real === undefined;

  test('a request to a port where nobody listens says so', async () => {
    const url = `http://127.0.0.1:${await refusingPort()}/x`;
    const request = place.open().request({ method: 'GET', url });
    await failsWith(request, `http/request failed: error sending request for url (${url})`, 'connection refused', {
      reason: 'connection_refused',
      phase: 'connect',
    });
  });

  test('a host without an address says so', { timeout: 30_000 }, async () => {
    const request = place.open().request({ method: 'GET', url: 'http://no-such-host.invalid/' });
    const start = 'http/request failed: error sending request for url (http://no-such-host.invalid/)';
    await failsWith(request, start, 'the host name was not found', { reason: 'name_not_found', phase: 'connect' });
  });

  test('an origin that closes instead of answering says so', async () => {
    const origin = await startTcpOrigin((socket) => socket.once('data', () => socket.end()));
    const request = place.open().request({ method: 'POST', url: `${origin.url}/x`, body: Buffer.from('b') });
    const start = `http/request failed: error sending request for url (${origin.url}/x)`;
    await failsWith(request, start, 'closed the connection before it answered', {
      reason: 'connection_reset',
      phase: 'headers',
      mayHaveExecuted: true,
    });
  });

  test('a reset connection says so', async () => {
    const origin = await startTcpOrigin((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const request = place.open().request({ method: 'GET', url: `${origin.url}/x` });
    const start = `http/request failed: error sending request for url (${origin.url}/x)`;
    await failsWith(request, start, 'reset', { reason: 'connection_reset', phase: 'headers' });
  });

  test('an answer that is not HTTP says so', async () => {
    const origin = await startTcpOrigin((socket) => socket.once('data', () => socket.end('this is not http\r\n\r\n')));
    const request = place.open().request({ method: 'GET', url: `${origin.url}/x` });
    const start = `http/request failed: error sending request for url (${origin.url}/x)`;
    await failsWith(request, start, 'not valid HTTP', { reason: 'malformed_response' });
  });

  test('a body that is cut short fails after what came of it', async () => {
    const received = deferred<void>();
    const origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('partial');
      await received.promise;
      response.destroy();
    });
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    const pieces = response.body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('partial');
    received.resolve();
    const rest = pieces.next();
    if (ours) await failsWith(rest, 'failed to read http/request response body', 'before the end', { phase: 'body' });
    else await expect(rest).rejects.toThrow();
  });

  test('time runs out connecting', async () => {
    const url = `http://127.0.0.1:${await startDeafPort()}/x`;
    const request = place.open().request({ method: 'GET', url }, { timeoutMs: 300 });
    const start = `http/request failed: error sending request for url (${url})`;
    await failsWith(request, start, 'timed out connecting', { reason: 'timed_out', phase: 'connect' });
  });

  test('a certificate that nobody vouches for says so', async () => {
    const origin = await startTlsOrigin(createAuthority().issue(), () => expect.fail('it was sent'));
    const request = place.open().request({ method: 'GET', url: `${origin.url}/x` });
    const start = `http/request failed: error sending request for url (${origin.url}/x)`;
    await failsWith(request, start, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', { reason: 'certificate', phase: 'connect' });
  });

  test('time runs out waiting for the headers', async () => {
    const origin = await startOrigin(() => undefined);
    const request = place.open().stream({ method: 'GET', url: `${origin.url}/x` }, { timeoutMs: 300 });
    const start = `http/request failed: error sending request for url (${origin.url}/x)`;
    await failsWith(request, start, 'timed out waiting for the response headers', {
      reason: 'timed_out',
      phase: 'headers',
    });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('time runs out in the body', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const request = place.open().request({ method: 'GET', url: origin.url }, { timeoutMs: 500 });
    await failsWith(request, 'failed to read http/request response body', 'timed out reading the response body', {
      reason: 'timed_out',
      phase: 'body',
    });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test('time that is enough changes nothing', async () => {
    const origin = await startOrigin(echo);
    const request = place.open().request({ method: 'GET', url: origin.url }, { timeoutMs: 2 ** 53 - 1 });
    expect((await request).status).toBe(200);
  });

  test.skipIf(!ours)('a time-out of 0 is refused', async () => {
    const origin = await startOrigin(echo);
    const request = place.open().request({ method: 'GET', url: origin.url }, { timeoutMs: 0 });
    await expect(request).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('at least 1, got 0'),
    });
  });

  async function failsWith(
    failing: Promise<unknown>,
    start: string,
    why: string,
    data: Record<string, unknown>,
  ): Promise<void> {
    const error = (await failing.then(
      () => expect.fail('it did not fail'),
      (thrown: unknown) => thrown,
    )) as Error & { code: number };
    expect(error).toMatchObject({ code: -32603, ...(ours ? { data: { kind: 'http_failed', ...data } } : {}) });
    if (!ours) return;
    expect(error.message.startsWith(start), error.message).toBe(true);
    expect(error.message).toContain(why);
  }
}
