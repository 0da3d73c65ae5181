import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { wait } from '../../src/process/conveniences.js';
import { standsStill, until } from '../harness/index.js';
import { httpBehaves as clientBehaves } from '../http/http-behaviour.js';
import { echo, readBody, type SeenRequest, startOrigin } from '../http/origins.js';
import { openPlace, type Place } from './places.js';
import { sh } from './processes.js';

const MIB = 1024 * 1024;

/** More than what lies between a reader or writer that stops and the other end: sockets, windows, queues. */
const IN_BETWEEN_BYTES = 40 * MIB;

const TOKEN = 's3cret';
// Before any server is started: they inherit it.
process.env.HTTP_BEHAVIOUR_TOKEN = TOKEN;

/** What holds of HTTP wherever it starts. All places under test share this machine's loopback. */
export function httpBehaves(place: Place): void {
  const ours = place.real === undefined;

  clientBehaves({ open: () => openPlace(place).http, token: TOKEN, real: place.real });

  test('a time-out of 0 is refused, also where the server would take it', async () => {
    const origin = await startOrigin(echo);
    const request = openPlace(place).http.request({ method: 'GET', url: origin.url }, { timeoutMs: 0 });
    await expect(request).rejects.toMatchObject({ code: -32602, kind: 'invalid_params' });
    expect(origin.connections).toBe(0);
  });

  test('a body that is no longer wanted harms nobody, also where it keeps coming', async () => {
    const { http } = openPlace(place);
    const origin = await startOrigin((_request, response) => void response.end(Buffer.alloc(8 * MIB)));
    const response = await http.stream({ method: 'GET', url: origin.url });
    const pieces = response.body[Symbol.asyncIterator]();
    await pieces.next();
    response.cancel();
    await expect(pieces.next()).rejects.toMatchObject({ kind: 'cancelled' });
    const after = await startOrigin(echo);
    expect((await http.request({ method: 'GET', url: after.url })).status).toBe(200);
  });

  test('a body that is made piece by piece arrives whole, also where it has to be collected first', async () => {
    const origin = await startOrigin(echo);
    async function* body() {
      for (const text of ['one ', 'two ', 'three']) yield Buffer.from(text);
    }
    const response = await openPlace(place).http.request({ method: 'POST', url: origin.url, body: body() });
    expect(JSON.parse(response.body.toString()) as SeenRequest).toMatchObject({
      method: 'POST',
      body: 'one two three',
    });
  });

  describe('fetch', () => {
    test('decodes, and says what came', async () => {
      const origin = await startOrigin((_request, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip', 'x-a': 'b' }).end(gzipSync('unpacked'));
      });
      const response = await openPlace(place).fetch(origin.url);
      expect([response.status, response.headers.get('x-a'), await response.text()]).toEqual([200, 'b', 'unpacked']);
    });

    test('sends a body, and is aborted while it reads', async () => {
      const { fetch } = openPlace(place);
      const origin = await startOrigin(echo);
      const seen = (await (await fetch(origin.url, { method: 'PUT', body: 'hello' })).json()) as SeenRequest;
      expect(seen).toMatchObject({ method: 'PUT', body: 'hello' });
      const held = await startOrigin((_request, response) => void response.write('first'));
      const stop = new AbortController();
      const response = await fetch(held.url, { signal: stop.signal });
      const text = response.text();
      stop.abort();
      await expect(text).rejects.toMatchObject({ name: 'AbortError' });
      if (ours) await until(() => held.sockets.size === 0);
    });
  });

  describe.runIf(ours)('a side that stops (real servers pause nothing)', () => {
    test('reading delays neither other requests nor processes', async () => {
      const environment = openPlace(place);
      const { http } = environment;
      let written = 0;
      const origin = await startOrigin((_request, response) => {
        writeAll(response, (bytes) => {
          written += bytes;
        });
      });
      const { body, cancel } = await http.stream({ method: 'GET', url: origin.url });
      const pieces = body[Symbol.asyncIterator]();
      await pieces.next();
      await standsStill(() => written);
      expect(written).toBeLessThan(IN_BETWEEN_BYTES);
      const other = await startOrigin(echo);
      const requests = Array.from({ length: 20 }, () => http.request({ method: 'GET', url: other.url }));
      expect((await Promise.all(requests)).map(({ status }) => status)).toEqual(requests.map(() => 200));
      expect((await wait(await sh(environment, 'exit 3'))).exitCode).toBe(3);
      expect(written).toBeLessThan(IN_BETWEEN_BYTES);
      cancel();
      await until(() => origin.sockets.size === 0);
    });

    test('taking a request body holds back whoever makes it', async () => {
      const { http } = openPlace(place);
      let arrived: IncomingMessage | undefined;
      const origin = await startOrigin((request) => {
        arrived = request;
      });
      let made = 0;
      async function* body() {
        for (; made < 64; made++) yield Buffer.alloc(MIB, made);
      }
      const answer = http.stream({ method: 'POST', url: origin.url, body: body() });
      answer.catch(() => undefined);
      await until(() => arrived);
      await standsStill(() => made);
      expect(made * MIB).toBeLessThan(IN_BETWEEN_BYTES);
      const whole = arrived && (await readBody(arrived));
      expect([made, whole?.length]).toEqual([64, 64 * MIB]);
    });
  });
}

/** A gigabyte, as it is taken. */
function writeAll(response: ServerResponse, onWritten: (bytes: number) => void): void {
  const piece = Buffer.alloc(MIB);
  let left = 1024;
  const more = () => {
    while (left-- > 0) {
      onWritten(piece.length);
      if (!response.write(piece)) return;
    }
    response.end();
  };
  response.on('drain', more).on('error', () => undefined);
  more();
}
