import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { deferred, until, within } from '../harness/index.js';
import { echo, startOrigin } from './origins.js';
import { type HttpPlace, readAll, sendBlocks, standstill } from './place.js';

/** Bodies both ways, while they are under way. */
export function bodiesFlow(place: HttpPlace): void {
  const ours = place.real === undefined;

  test('64 MiB are streamed, byte for byte', { timeout: 60_000 }, async () => {
    const block = Buffer.alloc(1024 * 1024, 'abcdefghijk');
    const origin = await startOrigin((_request, response) => sendBlocks(response, block, 64));
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    const got = createHash('sha256');
    let size = 0;
    for await (const chunk of response.body) {
      size += chunk.length;
      got.update(chunk);
    }
    const expected = createHash('sha256');
    for (let i = 0; i < 64; i++) expected.update(block);
    expect([size, got.digest('hex')]).toEqual([64 * block.length, expected.digest('hex')]);
  });

  test('a piece of a body passes at once, also when nothing follows it', async () => {
    const next = [deferred<void>(), deferred<void>()];
    const origin = await startOrigin(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: one\n\n');
      await next[0]?.promise;
      response.write('data: two\n\n');
      await next[1]?.promise;
      response.end();
    });
    const { body } = await place.open().stream({ method: 'GET', url: origin.url });
    const pieces = body[Symbol.asyncIterator]();
    const read = async () => String((await within(pieces.next(), 5_000, 'the next piece')).value);
    // The origin says no more until the piece before has arrived.
    expect(await read()).toBe('data: one\n\n');
    next[0]?.resolve();
    expect(await read()).toBe('data: two\n\n');
    next[1]?.resolve();
    expect((await pieces.next()).done).toBe(true);
  });

  test.skipIf(!ours)('a reader that stops stops the origin', { timeout: 60_000 }, async () => {
    const block = Buffer.alloc(1024 * 1024, 'x');
    const total = 256;
    const origin = await startOrigin((_request, response) => sendBlocks(response, block, total));
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    const pieces = response.body[Symbol.asyncIterator]();
    await pieces.next();
    const sent = await standstill(origin);
    expect(sent).toBeLessThan(64 * block.length);
    let size = (await pieces.next()).value?.length ?? 0;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) size += next.value.length;
    expect(size).toBeGreaterThan((total - 64) * block.length);
  });

  test.skipIf(!ours)('cancelling closes the connection to the origin, and the read fails', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    const pieces = response.body[Symbol.asyncIterator]();
    expect(String((await pieces.next()).value)).toBe('first');
    const waiting = pieces.next();
    response.cancel();
    response.cancel();
    await expect(waiting).rejects.toMatchObject({ data: { kind: 'cancelled' } });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test.skipIf(!ours)('cancelling before the body is read closes the connection too', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    response.cancel();
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
    await expect(readAll(response.body)).rejects.toMatchObject({ data: { kind: 'cancelled' } });
  });

  test.skipIf(!ours)('leaving the loop closes the connection', async () => {
    const origin = await startOrigin((_request, response) => {
      response.write('first');
    });
    const response = await place.open().stream({ method: 'GET', url: origin.url });
    for await (const chunk of response.body) {
      expect(String(chunk)).toBe('first');
      break;
    }
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test.skipIf(!ours)('the signal gives a request up that has no answer yet', async () => {
    const origin = await startOrigin(() => undefined);
    const giveUp = new AbortController();
    const request = place.open().request({ method: 'GET', url: origin.url }, { signal: giveUp.signal });
    await until(() => origin.connections === 1);
    giveUp.abort(new Error('enough'));
    await expect(request).rejects.toMatchObject({ data: { kind: 'cancelled' } });
    await until(() => origin.sockets.size === 0, { what: 'the end of the connection' });
  });

  test.skipIf(!ours)('a signal that was given before sends nothing', async () => {
    const origin = await startOrigin(echo);
    const request = place.open().request({ method: 'GET', url: origin.url }, { signal: AbortSignal.abort() });
    await expect(request).rejects.toMatchObject({ data: { kind: 'cancelled' } });
    expect(origin.connections).toBe(0);
  });

  test.skipIf(!ours)('a body larger than is allowed fails the request', async () => {
    const origin = await startOrigin((_request, response) => {
      response.end(Buffer.alloc(1000));
    });
    const client = place.open();
    const request = { method: 'GET', url: origin.url };
    expect((await client.request(request, { maxBytes: 1000 })).body.length).toBe(1000);
    await expect(client.request(request, { maxBytes: 999 })).rejects.toMatchObject({ data: { kind: 'too_large' } });
  });

  test.skipIf(!ours)('a streamed request body reaches the origin while it is still being made', async () => {
    const origin = await startOrigin((request, response) => {
      request.pipe(response);
    });
    const said = [deferred<void>(), deferred<void>()];
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from('one');
      await said[0]?.promise;
      yield Buffer.from('two');
      await said[1]?.promise;
    }
    const response = await place.open().stream({ method: 'POST', url: origin.url, body: body() });
    const pieces = response.body[Symbol.asyncIterator]();
    const read = async () => String((await within(pieces.next(), 5_000, 'the next piece')).value);
    expect(await read()).toBe('one');
    said[0]?.resolve();
    expect(await read()).toBe('two');
    said[1]?.resolve();
    expect((await pieces.next()).done).toBe(true);
  });

  test.skipIf(!ours)(
    'a request body that fails fails the request, and the origin does not take it for whole',
    async () => {
      const ended: boolean[] = [];
      const arrived = deferred<void>();
      const origin = await startOrigin((request) => {
        request.once('data', () => arrived.resolve()).on('error', () => undefined);
        request.on('close', () => ended.push(request.complete));
      });
      async function* body(): AsyncGenerator<Buffer> {
        yield Buffer.from('one');
        await arrived.promise;
        throw new Error('the source is gone');
      }
      const request = place.open().request({ method: 'POST', url: origin.url, body: body() });
      await expect(request).rejects.toThrow(/the request body failed: the source is gone/);
      await until(() => ended.length > 0, { what: 'the end of the request' });
      expect(ended).toEqual([false]);
    },
  );

  test.skipIf(!ours)('a slow origin with 500 requests does not delay another', { timeout: 60_000 }, async () => {
    const waiting: ServerResponse[] = [];
    const slow = await startOrigin((_request, response) => {
      waiting.push(response);
    });
    const fast = await startOrigin(echo);
    const client = place.open();
    const slowAnswers = Array.from({ length: 500 }, () => client.request({ method: 'GET', url: slow.url }));
    await until(() => waiting.length === 500, { timeoutMs: 20_000, what: 'the arrival of 500 requests' });
    // None of the 500 is answered before this one is.
    expect((await client.request({ method: 'GET', url: fast.url })).status).toBe(200);
    for (const response of waiting) response.end('late');
    expect((await Promise.all(slowAnswers)).every(({ body }) => body.toString() === 'late')).toBe(true);
  });
}
